import type { SequenceV1 } from '@pocketlens/backend';
import { dense } from './cached-sequence.js';
import { checkFinite } from './generate-tokens.js';
import { penalizeRepetition } from './sampling.js';

export interface BeamRequest {
  /** Holds the prompt; left as it is. */
  readonly sequence: SequenceV1;
  /** `[1, vocabulary]` after the prompt. */
  readonly logits: Float32Array;
  readonly beams: number;
  readonly repetitionPenalty: number;
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  readonly signal?: AbortSignal | undefined;
}

interface Beam {
  readonly ids: readonly number[];
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

interface Hypothesis {
  readonly ids: readonly number[];
  /** Score per token. */
  readonly score: number;
  readonly isStopped: boolean;
}

/**
 * Beam search with length penalty 1 and no early stopping.
 *
 * @source transformers 4.40, `generation/beam_search.py` `BeamSearchScorer` and `generation/utils.py` `_beam_search`
 */
export async function searchBeams(
  request: BeamRequest,
): Promise<{ readonly ids: readonly number[]; readonly finishReason: 'stop' | 'length' }> {
  const finished: Hypothesis[] = [];
  let beams: readonly Beam[] = [{ ids: [], score: 0, sequence: request.sequence, logits: request.logits }];
  try {
    for (let length = 1; ; length++) {
      const candidates = bestCandidates(beams, request);
      const kept = takeFinished(candidates, length, { request, finished });
      const isLast = length >= request.maxNewTokens;
      if (isLast || isDone(finished, candidates[0]!.score / length, request.beams)) {
        for (const { beam, id, score } of kept) {
          addHypothesis(finished, { ids: [...beam.ids, id], score: score / length, isStopped: false }, request.beams);
        }
        break;
      }
      beams = await advance(beams, kept, request);
    }
  } finally {
    release(beams, request.sequence);
  }
  const best = finished.reduce((a, b) => (b.score > a.score ? b : a));
  return { ids: best.ids, finishReason: best.isStopped ? 'stop' : 'length' };
}

/** The best continuations of all beams, enough to fill every beam even when all stop ids are among them. */
function bestCandidates(beams: readonly Beam[], request: BeamRequest): readonly Candidate[] {
  const count = Math.max(2, 1 + request.stopIds.size) * request.beams;
  const best: Candidate[] = [];
  for (const beam of beams) {
    const scores = logProbabilities(beam.logits, beam.ids.length);
    penalizeRepetition(scores, beam.ids, request.repetitionPenalty);
    for (let id = 0; id < scores.length; id++) {
      const score = Math.fround(scores[id]! + beam.score);
      if (best.length === count && !(score > best[count - 1]!.score)) continue;
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
  { request, finished }: { readonly request: BeamRequest; readonly finished: Hypothesis[] },
): readonly Candidate[] {
  const kept: Candidate[] = [];
  for (const [rank, candidate] of candidates.entries()) {
    if (kept.length === request.beams) break;
    if (!request.stopIds.has(candidate.id)) {
      kept.push(candidate);
    } else if (rank < request.beams) {
      const { beam, score } = candidate;
      addHypothesis(finished, { ids: beam.ids, score: score / length, isStopped: true }, request.beams);
    }
  }
  return kept;
}

function addHypothesis(finished: Hypothesis[], added: Hypothesis, most: number): void {
  finished.push(added);
  finished.sort((a, b) => b.score - a.score);
  if (finished.length > most) finished.pop();
}

/** True when no running beam can beat the worst finished one any more. */
function isDone(finished: readonly Hypothesis[], bestRunning: number, beams: number): boolean {
  return finished.length >= beams && finished.at(-1)!.score >= bestRunning;
}

/** Computes the chosen continuations. The last child of a beam takes over its sequence, the others get copies. */
async function advance(
  beams: readonly Beam[],
  kept: readonly Candidate[],
  request: BeamRequest,
): Promise<readonly Beam[]> {
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
    for (const [index, { beam, id, score }] of kept.entries()) {
      const sequence = sequences[index]!;
      const options = request.signal === undefined ? {} : { signal: request.signal };
      const logits = dense(await sequence.append([{ ids: [id] }], options)).data;
      next.push({ ids: [...beam.ids, id], score, sequence, logits });
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

/** `log_softmax` of a row, in float32 steps where transformers has them. */
function logProbabilities(logits: Float32Array, step: number): Float32Array {
  checkFinite(logits, step);
  const best = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const total = logits.reduce((sum, value) => sum + Math.exp(value - best), 0);
  const shift = best + Math.log(total);
  return logits.map((value) => value - shift);
}
