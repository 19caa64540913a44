import { BackendError } from '@pocketlens/backend';
import type { CachedSequence } from './cached-sequence.js';
import type { GenerationSettings } from './options.js';
import { createRandom } from './random.js';
import { argmax, penalizeRepetition, sampleToken } from './sampling.js';

export interface TokenRequest {
  /** Holds the prompt. */
  readonly sequence: CachedSequence;
  /** `[1, vocabulary]` after the prompt. */
  readonly logits: Float32Array;
  readonly settings: GenerationSettings;
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Generates token by token, greedily or by sampling. A stop id ends the run and is not given out.
 *
 * @returns through `return`: `stop` or `length`
 * @throws {BackendError} `BACKEND_FAILED` when logits are not finite
 */
export async function* generateTokens(request: TokenRequest): AsyncGenerator<number, 'stop' | 'length', undefined> {
  const { sequence, settings, stopIds } = request;
  const random = settings.sampling === undefined ? undefined : createRandom(settings.seed);
  const generated: number[] = [];
  let scores = request.logits;
  for (;;) {
    checkFinite(scores, generated.length);
    if (settings.repetitionPenalty !== 1) penalizeRepetition(scores, generated, settings.repetitionPenalty);
    const id =
      settings.sampling === undefined || random === undefined
        ? argmax(scores)
        : sampleToken(scores, settings.sampling, random);
    if (stopIds.has(id)) return 'stop';
    generated.push(id);
    yield id;
    if (generated.length >= request.maxNewTokens) return 'length';
    scores = await sequence.append(id, request.signal);
  }
}

/** Throws `BackendError` `BACKEND_FAILED` for scores that are not finite: the answer would be noise. */
export function checkFinite(scores: Float32Array, step: number): void {
  if (argmax(scores) >= 0) return;
  throw new BackendError('BACKEND_FAILED', `logits not finite at step ${step}`, {
    hint: 'The weights are damaged or overflow in this dtype: verify the model, or choose fp32.',
    details: { step },
  });
}
