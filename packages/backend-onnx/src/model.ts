import { DisposedError } from '@pocketlens/backend';
import type {
  BackendCapabilities,
  BackendModelV1,
  BackendWarning,
  EncodeOptions,
  ImageFeatures,
  ModelConfig,
  SliceInput,
} from '@pocketlens/backend';
import { checkCapacity } from './capacity.js';
import type { Decoder } from './decoder.js';
import type { EmbeddingTable } from './embedding-table.js';
import { OnnxSequence } from './sequence.js';
import type { VisionEncoder } from './vision-encoder.js';

/** The loaded parts of a model. */
export interface OnnxModelParts {
  readonly vision: VisionEncoder;
  readonly embeddings: EmbeddingTable;
  readonly decoder: Decoder;
  readonly prefillChunk?: number | undefined;
  readonly preferredChunk?: number | undefined;
  readonly warnings?: readonly BackendWarning[] | undefined;
}

/** A model over ONNX Runtime sessions. */
export class OnnxModel implements BackendModelV1 {
  readonly capabilities: BackendCapabilities;
  readonly config: ModelConfig;
  readonly warnings: readonly BackendWarning[];
  readonly #parts: OnnxModelParts;
  #disposal: Promise<void> | undefined;

  constructor(parts: OnnxModelParts, config: ModelConfig, capabilities: BackendCapabilities) {
    this.#parts = parts;
    this.config = config;
    this.capabilities = capabilities;
    this.warnings = parts.warnings ?? [];
  }

  async encodeImages(slices: readonly SliceInput[], options?: EncodeOptions): Promise<ImageFeatures> {
    if (this.#disposal !== undefined) throw new DisposedError('the model');
    return this.#parts.vision.encode(slices, options);
  }

  createSequence(options: { readonly capacity?: number } = {}): OnnxSequence {
    if (this.#disposal !== undefined) throw new DisposedError('the model');
    const capacity = checkCapacity(options.capacity, this.config.maxPositions);
    const { decoder, embeddings, prefillChunk, preferredChunk } = this.#parts;
    const isDisposed = (): boolean => this.#disposal !== undefined;
    return new OnnxSequence({ decoder, embeddings, prefillChunk, preferredChunk, isDisposed }, capacity);
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#release();
    return this.#disposal;
  }

  async #release(): Promise<void> {
    const { vision, decoder, embeddings } = this.#parts;
    await Promise.all([vision.dispose(), decoder.dispose()]);
    await embeddings.close();
  }
}
