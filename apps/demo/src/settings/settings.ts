import type { Dtype } from '@pocketlens/backend';
import type { AskOptions, Device } from '../inference/protocol.js';
import { LANGUAGES, preferredLanguage } from '../language/words.js';
import type { Language } from '../language/words.js';

export type Theme = 'system' | 'light' | 'dark';

export interface Settings {
  readonly language: Language;
  readonly theme: Theme;
  readonly device: Device;
  readonly dtype: Dtype | 'auto';
  /** 0: what the backend finds fit. */
  readonly threads: number;
  readonly sampling: boolean;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly seed: number | null;
  readonly maxNewTokens: number;
  /** `auto`: not for the embedded model, which was trained on single questions. */
  readonly remember: boolean | 'auto';
}

const KEY = 'pocketlens.settings';

/** The published sampling values, and greedy answers unless somebody asks. */
const DEFAULTS: Omit<Settings, 'language'> = {
  theme: 'system',
  device: 'wasm',
  dtype: 'auto',
  threads: 0,
  sampling: false,
  temperature: 0.7,
  topP: 0.8,
  topK: 100,
  seed: null,
  maxNewTokens: 512,
  remember: 'auto',
};

/** Settings of an earlier visit; what does not fit this version falls back to its default. */
export function loadSettings(): Settings {
  const defaults: Settings = { ...DEFAULTS, language: preferredLanguage() };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown>;
    // Dtypes are those of a model, and every visit begins with the embedded one.
    return { ...defaults, ...Object.fromEntries(Object.entries(stored).filter(isUsable)), dtype: 'auto' };
  } catch {
    return defaults;
  }
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Private windows may have no storage; the settings then last as long as the page.
  }
}

/** The ranges of numbers, for the fields and for what is stored. */
export const RANGES = {
  temperature: { min: 0, max: 2, step: 0.05 },
  topP: { min: 0.05, max: 1, step: 0.05 },
  topK: { min: 0, max: 1000, step: 1 },
  maxNewTokens: { min: 1, max: 4096, step: 1 },
  seed: { min: 0, max: 2 ** 53 - 1, step: 1 },
} as const;

function isUsable([name, value]: [string, unknown]): boolean {
  if (name in RANGES) {
    const { min, max } = RANGES[name as keyof typeof RANGES];
    return (name === 'seed' && value === null) || (typeof value === 'number' && value >= min && value <= max);
  }
  const choices: Readonly<Record<string, readonly unknown[]>> = {
    language: Object.keys(LANGUAGES),
    theme: ['system', 'light', 'dark'],
    device: ['wasm', 'webgpu'],
    sampling: [true, false],
    remember: [true, false, 'auto'],
  };
  if (name === 'threads') return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 64;
  return choices[name]?.includes(value) === true;
}

export function askOptions({ sampling, temperature, topP, topK, seed, maxNewTokens }: Settings): AskOptions {
  if (!sampling) return { maxNewTokens };
  return { maxNewTokens, sampling, temperature, topP, topK, ...(seed === null ? {} : { seed }) };
}
