import type { AppendOptions, Logits, SequencePart, SequenceV1 } from '@pocketlens/backend';
import { logged } from './logging-backend.js';
import type { Log } from './logging-backend.js';

/** A sequence that logs its appends. */
export class LoggingSequence implements SequenceV1 {
  readonly #engine: SequenceV1;
  readonly #log: Log;

  constructor(engine: SequenceV1, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  get length(): number {
    return this.#engine.length;
  }

  get capacity(): number {
    return this.#engine.capacity;
  }

  append(parts: readonly SequencePart[], options?: AppendOptions): Promise<Logits> {
    return logged(this.#log, `append at ${this.length}`, () => this.#engine.append(parts, options));
  }

  truncate(length: number): void {
    this.#engine.truncate(length);
  }

  fork(): LoggingSequence {
    return new LoggingSequence(this.#engine.fork(), this.#log);
  }

  dispose(): void {
    this.#engine.dispose();
  }
}
