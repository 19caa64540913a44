import { useCallback, useEffect, useState } from 'react';
import { LANGUAGES } from '../language/words.js';
import { loadSettings, saveSettings } from './settings.js';
import type { Settings } from './settings.js';

/** The settings of this browser, and language and colours of the page as they say. */
export function useSettings(): readonly [Settings, (change: Partial<Settings>) => void] {
  const [settings, setSettings] = useState(loadSettings);
  const change = useCallback((part: Partial<Settings>) => setSettings((all) => ({ ...all, ...part })), []);
  const { language, theme } = settings;
  useEffect(() => saveSettings(settings), [settings]);
  useEffect(() => {
    document.documentElement.lang = LANGUAGES[language].tag;
    document.documentElement.dataset['theme'] = theme;
  }, [language, theme]);
  return [settings, change];
}
