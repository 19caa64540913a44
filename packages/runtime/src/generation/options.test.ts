import { describe, expect, it } from 'vitest';
import { resolveGenerationOptions } from './options.js';
import type { GenerationOptions } from './options.js';

describe('resolveGenerationOptions', () => {
  it('is greedy unless sampling is asked for', () => {
    expect(resolveGenerationOptions({}).sampling).toBeUndefined();
    expect(resolveGenerationOptions({ seed: 1, repetitionPenalty: 1.2 }).sampling).toBeUndefined();
    expect(resolveGenerationOptions({ temperature: 0 }).sampling).toBeUndefined();
    expect(resolveGenerationOptions({ sampling: false, topP: 0.5 }).sampling).toBeUndefined();
    expect(resolveGenerationOptions({ topP: 0.5 }).sampling).toEqual({ temperature: 1, topK: 0, topP: 0.5 });
  });

  it('takes the published values for sampling, and what is given before them', () => {
    const published = resolveGenerationOptions({ sampling: true });
    expect(published).toMatchObject({
      sampling: { temperature: 0.7, topP: 0.8, topK: 100 },
      repetitionPenalty: 1.05,
      maxNewTokens: 1024,
    });
    expect(resolveGenerationOptions({ sampling: true, topK: 5 }).sampling).toEqual({
      temperature: 0.7,
      topP: 0.8,
      topK: 5,
    });
  });

  it.each<GenerationOptions>([
    { temperature: -1 },
    { temperature: NaN },
    { topP: 0 },
    { topP: 1.5 },
    { topK: -1 },
    { topK: 1.5 },
    { repetitionPenalty: 0 },
    { repetitionPenalty: Infinity },
    { seed: -1 },
    { seed: 2 ** 53 },
    { maxNewTokens: 0 },
    { maxNewTokens: 8193 },
    { beams: 0 },
    { beams: 33 },
    { stop: '' },
    { minNewTokens: -1 },
    { minNewTokens: 9, maxNewTokens: 8 },
    { lengthPenalty: 11 },
    { lengthPenalty: NaN },
    { logprobs: 21 },
    { logprobs: 0.5 },
    // Callers in JavaScript are not held by the types.
    { earlyStopping: 'always' as 'never' },
    { speculation: 'draft' as 'ngram' },
  ])('refuses %j with the range', (options) => {
    expect(() => resolveGenerationOptions(options)).toThrow(expect.objectContaining({ code: 'ARGUMENT_RANGE' }));
  });

  it('refuses beams together with sampling', () => {
    expect(() => resolveGenerationOptions({ beams: 3, sampling: true })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
  });
});
