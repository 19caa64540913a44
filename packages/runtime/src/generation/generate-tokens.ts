import { searchBeams } from './beam-search.js';
import type { CachedSequence } from './cached-sequence.js';
import type { GeneratedToken } from './logprobs.js';
import { NgramDrafter } from './ngram-drafter.js';
import type { GenerationSettings } from './options.js';
import { TokenSelector } from './token-selector.js';

/** How many tokens were drafted, and how many of them the model agreed with. */
export interface DraftCounts {
  drafted: number;
  accepted: number;
}

export interface TokenRequest {
  /** Holds the prompt. */
  readonly sequence: CachedSequence;
  /** `[1, vocabulary]` after the prompt; changed. */
  readonly logits: Float32Array;
  readonly settings: GenerationSettings;
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
  /** Counted up while tokens come. */
  readonly counts: DraftCounts;
}

export type TokenStream = AsyncGenerator<GeneratedToken, 'stop' | 'length', undefined>;

/**
 * Generates as the settings say. A stop id ends the run and is not given out. Beam search gives its tokens at the end.
 *
 * @returns through `return`: `stop` or `length`
 * @throws {BackendError} `BACKEND_FAILED` when logits are not finite
 */
export function generateTokens(request: TokenRequest): TokenStream {
  return request.settings.beams > 1 ? beamTokens(request) : selectedTokens(request);
}

async function* beamTokens(request: TokenRequest): TokenStream {
  const { tokens, finishReason } = await searchBeams({ ...request, sequence: request.sequence.sequence });
  yield* tokens;
  return finishReason;
}

/**
 * Token by token. Where a draft pays it goes to the model together with the last token: as long as the choice from each
 * row is the drafted token, the next row is ready.
 *
 * @source Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023), for a draft without chance
 */
async function* selectedTokens(request: TokenRequest): TokenStream {
  const { sequence, settings, counts, maxNewTokens } = request;
  const vocabSize = request.logits.length;
  const selector = new TokenSelector(settings, request.stopIds);
  const drafter = settings.speculation === 'ngram' ? new NgramDrafter(sequence.tokens()) : undefined;
  let rows = request.logits;
  let row = 0;
  let draft: readonly number[] = [];
  for (;;) {
    const token = selector.choose(rows.subarray(row * vocabSize, (row + 1) * vocabSize));
    if (token === undefined) return 'stop';
    const isDrafted = draft[row] === token.id;
    if (isDrafted) counts.accepted++;
    drafter?.push(token.id);
    yield token;
    if (selector.count >= maxNewTokens) return 'length';
    if (isDrafted) {
      row++;
      continue;
    }
    sequence.rewind(draft.length - row);
    // The last token of all needs no row after it, and the token itself needs a position.
    const most = Math.min(maxNewTokens - selector.count, sequence.room) - 1;
    draft = drafter?.draft(most) ?? [];
    counts.drafted += draft.length;
    rows = await sequence.append([token.id, ...draft], request.signal);
    row = 0;
  }
}
