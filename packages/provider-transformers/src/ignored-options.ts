import type { GenerationOptions, Warning } from '@pocketlens/runtime';

/** What the library cannot do, with the values that ask for nothing. */
const NEUTRAL = { beams: 1, lengthPenalty: 1, earlyStopping: false } as const;

/** One warning for each option that has no effect here. */
export function ignoredOptions(options: GenerationOptions): Warning[] {
  const ignored = Object.entries(NEUTRAL).filter(([name, neutral]) => {
    const value: unknown = Reflect.get(options, name);
    return value !== undefined && value !== neutral;
  });
  return ignored.map(([name]) => ({
    code: 'OPTION_IGNORED',
    message: `the option ${name} was ignored: transformers.js has no beam search`,
  }));
}
