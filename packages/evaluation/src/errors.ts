const BRAND = Symbol.for('pocketlens.error');

/** What every error of this package can carry besides its message. */
export interface EvaluationErrorOptions {
  readonly cause?: unknown;
  /** The next step for the reader, in one sentence. */
  readonly hint?: string;
  /** Facts by name, for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export type EvaluationErrorCode =
  | 'ABORTED'
  | 'BENCHMARK_UNKNOWN'
  | 'CASES_FORMAT'
  | 'DATASET_FORMAT'
  | 'DATASET_IMAGE'
  | 'JUDGE_FAILED'
  | 'JUDGE_REQUIRED'
  | 'PREDICTIONS_FORMAT'
  | 'PREDICTIONS_MISMATCH'
  | 'PROMPT_IMAGE_TAG'
  | 'RUN_LOCKED'
  | 'RUN_STOPPED'
  | 'SAMPLE_TIMEOUT'
  | 'RUNS_MISMATCH'
  | 'RUN_FOLDER'
  | 'MANIFEST_FORMAT'
  | 'MANIFEST_MISMATCH';

/** Base of all errors of this package; recognisable across packages by `Symbol.for('pocketlens.error')`. */
export class EvaluationError extends Error {
  readonly code: EvaluationErrorCode;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly isRetryable: boolean = false;

  constructor(code: EvaluationErrorCode, message: string, options: EvaluationErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** A dataset file cannot be read: wrong columns, broken rows, images that are not there. */
export class DatasetError extends EvaluationError {}

/** A predictions file cannot be read, or belongs to another benchmark. */
export class PredictionsError extends EvaluationError {}

/** A sample took too long, or a run cannot begin or go on. */
export class RunError extends EvaluationError {}

/** A judge model is needed and there is none, or it does not answer. */
export class JudgeError extends EvaluationError {}

/** A file of scoring cases is not in the format that `checkCases` replays. */
export class CasesError extends EvaluationError {}

/** No benchmark of that name; the message lists those there are. */
export class UnknownBenchmarkError extends EvaluationError {
  constructor(name: string, known: readonly string[]) {
    super('BENCHMARK_UNKNOWN', `Expected the name of a benchmark, got "${name}". Known: ${known.join(', ')}.`, {
      hint: 'Names are those of the dataset files, for example OCRBench or TextVQA_VAL.',
    });
  }
}

/** The caller's signal stopped the work; everything written so far stays valid. */
export class AbortError extends EvaluationError {
  constructor(signal: AbortSignal) {
    super('ABORTED', 'The run was stopped by its signal. Start it again with the same output to go on.', {
      cause: signal.reason,
    });
    this.name = 'AbortError';
  }
}
