import { createContext, useContext } from 'react';
import { chinese } from './chinese.js';
import { english } from './english.js';
import type { Words } from './english.js';

export type Language = 'en' | 'zh';

export const LANGUAGES: Readonly<
  Record<Language, { readonly name: string; readonly tag: string; readonly words: Words }>
> = {
  en: { name: 'English', tag: 'en', words: english },
  zh: { name: '简体中文', tag: 'zh-Hans', words: chinese },
};

export const LanguageContext: React.Context<Language> = createContext<Language>('en');

export function useWords(): Words {
  return LANGUAGES[useContext(LanguageContext)].words;
}

/** The language that the reader's device asks for first and that we have. */
export function preferredLanguage(): Language {
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.find((tag): tag is Language => tag in LANGUAGES) ?? 'en';
}
