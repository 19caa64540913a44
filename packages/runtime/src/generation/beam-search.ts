import type { SequenceV1 } from '@pocketlens/backend';
import { BeamHypotheses } from './beam-hypotheses.js';
import { dense } from './cached-sequence.js';
import { describeRow, logNormalizer } from './logprobs.js';
import type { GeneratedToken } from './logprobs.js';
import type { GenerationSettings } from './options.js';
import { checkFinite, forbid, penalizeRepetition } from './sampling.js';

export interface BeamRequest {
  /** Holds the prompt; left as it is. */
  readonly sequence: SequenceV1;
  /** `[1, vocabulary]` after the prompt. */
  readonly logits: Float32Array;
  readonly settings: GenerationSettings;
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
}

/** The answer of a beam search. */
export interface BeamResult {
  readonly tokens: readonly GeneratedToken[];
  /** Summed log-probability over length to the power of the length penalty. */
  readonly score: number;
  readonly finishReason: 'stop' | 'length';
}

interface Beam {
  readonly tokens: readonly GeneratedToken[];
  /** Sum of the processed log-probabilities. */
  readonly score: number;
  readonly sequence: SequenceV1;
  readonly logits: Float32Array;
}

interface Candidate {
  readonly beam: Beam;
  readonly id: number;
  readonly score: number;
}

/**
 * Beam search.
 *
 * @source transformers 4.40, `generation/beam_search.py` `BeamSearchScorer` and `generation/utils.py` `_beam_search`
 */
export async function searchBeams(request: BeamRequest): Promise<BeamResult> {
  const { settings, maxNewTokens } = request;
  const finished = new BeamHypotheses({ ...settings, maxNewTokens });
  let beams: readonly Beam[] = [{ tokens: [], score: 0, sequence: request.sequence, logits: request.logits }];
  try {
    for (let length = 1; ; length++) {
      const candidates = bestCandidates(beams, request);
      const kept = takeFinished(candidates, length, { request, finished });
      // Without a single running beam there is nothing to wait for.
      if (kept.length === 0 || finished.isDone(candidates[0]!.score, length)) break;
      if (length >= maxNewTokens) {
        const tokens = nextTokens(kept, settings.logprobs);
        kept.forEach(({ score }, index) => finished.add(tokens[index]!, score, length, false));
        break;
      }
      beams = await advance(beams, kept, request);
    }
  } finally {
    release(beams, request.sequence);
  }
  const { tokens, score, isStopped } = finished.best();
  return { tokens, score, finishReason: isStopped ? 'stop' : 'length' };
}

/** The best continuations of all beams, enough to fill every beam even when all stop ids are among them. */
function bestCandidates(beams: readonly Beam[], { settings, stopIds }: BeamRequest): readonly Candidate[] {
  const count = Math.max(2, 1 + stopIds.size) * settings.beams;
  const best: Candidate[] = [];
  for (const beam of beams) {
    const scores = logProbabilities(beam.logits, beam.tokens.length);
    const ids = beam.tokens.map(({ id }) => id);
    if (settings.repetitionPenalty !== 1) penalizeRepetition(scores, ids, settings.repetitionPenalty);
    if (ids.length < settings.minNewTokens) forbid(scores, stopIds);
    for (let id = 0; id < scores.length; id++) {
      const score = Math.fround(scores[id]! + beam.score);
      if (score === -Infinity || (best.length === count && !(score > best[count - 1]!.score))) continue;
      if (best.length === count) best.pop();
      let at = best.length;
      while (at > 0 && best[at - 1]!.score < score) at--;
      best.splice(at, 0, { beam, id, score });
    }
  }
  return best;
}

/** Moves candidates that end with a stop id to the finished ones; gives the rest, at most one for each beam. */
function takeFinished(
  candidates: readonly Candidate[],
  length: number,
  { request, finished }: { readonly request: BeamRequest; readonly finished: BeamHypotheses },
): readonly Candidate[] {
  const { beams } = request.settings;
  const kept: Candidate[] = [];
  for (const [rank, candidate] of candidates.entries()) {
    if (kept.length === beams) break;
    if (!request.stopIds.has(candidate.id)) kept.push(candidate);
    else if (rank < beams) finished.add(candidate.beam.tokens, candidate.score, length, true);
  }
  return kept;
}

/** The tokens of each candidate, its own included. */
function nextTokens(kept: readonly Candidate[], logprobs: number | undefined): readonly (readonly GeneratedToken[])[] {
  if (logprobs === undefined) return kept.map(({ beam, id }) => [...beam.tokens, { id }]);
  const rows = new Map(kept.map(({ beam }) => [beam, describeRow(beam.logits, logprobs)]));
  return kept.map(({ beam, id }) => [...beam.tokens, { id, logprobs: rows.get(beam)!(id) }]);
}

/** Computes the chosen continuations. The last child of a beam takes over its sequence, the others get copies. */
async function advance(
  beams: readonly Beam[],
  kept: readonly Candidate[],
  request: BeamRequest,
): Promise<readonly Beam[]> {
  const tokens = nextTokens(kept, request.settings.logprobs);
  const next: Beam[] = [];
  const taken = new Set<SequenceV1>([request.sequence]);
  const sequences = kept.map(({ beam }, index) => {
    const isLastChild = kept.findLastIndex((other) => other.beam === beam) === index;
    if (!isLastChild || taken.has(beam.sequence)) return beam.sequence.fork();
    taken.add(beam.sequence);
    return beam.sequence;
  });
  release(
    beams.filter(({ sequence }) => !taken.has(sequence)),
    request.sequence,
  );
  try {
    for (const [index, { id, score }] of kept.entries()) {
      const sequence = sequences[index]!;
      const options = request.signal === undefined ? {} : { signal: request.signal };
      const logits = dense(await sequence.append([{ ids: [id] }], options)).data;
      next.push({ tokens: tokens[index]!, score, sequence, logits });
    }
  } catch (error) {
    for (const sequence of sequences) sequence.dispose();
    throw error;
  }
  return next;
}

function release(beams: readonly Beam[], original: SequenceV1): void {
  for (const { sequence } of beams) if (sequence !== original) sequence.dispose();
}

/** `log_softmax` of a row, in float32 where transformers has it. */
function logProbabilities(logits: Float32Array, step: number): Float32Array {
  checkFinite(logits, step);
  const shift = logNormalizer(logits);
  return logits.map((value) => value - shift);
}
