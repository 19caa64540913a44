import { type AnsweringModel, answerRequest, type Patience } from './answer-request.js';
import { type CollectOptions, collectAnswers, type RunSummary } from './collect-answers.js';
import { forEachConcurrently } from './concurrency.js';

export interface RunOptions extends Omit<CollectOptions, 'answerer'>, Patience {
  readonly model: AnsweringModel;
  /** Samples asked at once; default 1. More help a server that batches; their answers are written as they come. */
  readonly concurrency?: number;
}

/**
 * Asks a model every question of a benchmark. Each answer is on the disk before its place is taken by the next question, so
 * a run that was stopped in any way goes on where it was. A sample that fails is recorded as failed and the run continues.
 *
 * @throws {AbortError} `ABORTED` when the signal fires; the samples at work are asked again next time
 * @throws {PredictionsError} `PREDICTIONS_MISMATCH` when the output belongs to another benchmark
 * @throws {RunError} `RUN_LOCKED` while another run writes the output, `RUN_STOPPED` after too many failures in a row
 */
export function runBenchmark({ model, concurrency, ...options }: RunOptions): Promise<RunSummary> {
  return collectAnswers({
    ...options,
    answerer: {
      answer: (questions, store) =>
        forEachConcurrently(questions, concurrency ?? 1, async (question) => {
          await store(question.index, await answerRequest(model, () => question.request(), options));
        }),
    },
  });
}
