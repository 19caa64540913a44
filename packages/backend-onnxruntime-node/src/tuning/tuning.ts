/** What was found fastest for one model on one machine. */
export interface Tuning {
  readonly threads: number;
  readonly spinning: boolean;
  /** Positions of one pass of a prompt, where memory allows. */
  readonly prefillChunk: number;
}

/** One setting that was measured. */
export interface TuningStep {
  readonly setting: keyof Tuning;
  readonly value: number | boolean;
  /** The time that it takes, against that of the setting that was the best before. */
  readonly ratio: number;
  /** Whether it became the best. */
  readonly isTaken: boolean;
}

/** Settings that are given and stay as they are. */
export interface FixedSettings {
  readonly threads?: number | undefined;
  readonly spinning?: boolean | undefined;
  readonly prefillChunk?: number | undefined;
}
