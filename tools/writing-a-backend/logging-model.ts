import type {
  BackendCapabilities,
  BackendModelV1,
  EncodeOptions,
  ImageFeatures,
  ModelConfig,
  SliceInput,
} from '@pocketlens/backend';
import { logged } from './logging-backend.js';
import type { Log } from './logging-backend.js';
import { LoggingSequence } from './logging-sequence.js';

/** A model that logs what it is asked. */
export class LoggingModel implements BackendModelV1 {
  readonly capabilities: BackendCapabilities;
  readonly config: ModelConfig;
  readonly #engine: BackendModelV1;
  readonly #log: Log;

  constructor(engine: BackendModelV1, log: Log) {
    // `step` is not handed on, so it is not declared either.
    this.capabilities = { ...engine.capabilities, batchedSteps: false };
    this.config = engine.config;
    this.#engine = engine;
    this.#log = log;
  }

  encodeImages(slices: readonly SliceInput[], options?: EncodeOptions): Promise<ImageFeatures> {
    return logged(this.#log, `encodeImages of ${slices.length}`, () => this.#engine.encodeImages(slices, options));
  }

  createSequence(options?: { readonly capacity?: number }): LoggingSequence {
    return new LoggingSequence(this.#engine.createSequence(options), this.#log);
  }

  dispose(): Promise<void> {
    return logged(this.#log, 'dispose', () => this.#engine.dispose());
  }
}
