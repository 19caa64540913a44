import { throwIfAborted } from '@pocketlens/backend';
import type { EncodeOptions, SliceInput } from '@pocketlens/backend';
import { float32Output } from './graph-session.js';
import type { GraphRunner } from './graph-runner.js';
import type { GraphSession } from './graph-session.js';
import { HostImageFeatures } from './image-features.js';
import { checkSlice, visionInputs } from './vision-inputs.js';
import type { VisionShape } from './vision-inputs.js';

export const VISION_INPUTS = ['pixel_values', 'position_ids', 'patch_rows', 'patch_cols', 'patch_counts'] as const;
export const VISION_OUTPUT = 'image_features';

export interface VisionEncoderShape extends VisionShape {
  readonly queries: number;
  readonly hiddenSize: number;
  readonly batchVisionInput: boolean;
}

/** Vision tower and resampler: patches of slices to embeddings. */
export class VisionEncoder {
  readonly #graph: GraphRunner;
  readonly #shape: VisionEncoderShape;

  constructor(graph: GraphRunner, shape: VisionEncoderShape) {
    this.#graph = graph;
    this.#shape = shape;
  }

  /**
   * Encodes the slices of one request, one graph run each, so that the signal is seen between slices.
   *
   * With a joint batch of strips every slice is padded to the longest, and padding is attended to, as the
   * published code of version 2.5 does. Grids are never padded: version 2.6 masks the padding, which is the
   * same as none.
   */
  async encode(slices: readonly SliceInput[], options: EncodeOptions = {}): Promise<HostImageFeatures> {
    throwIfAborted(options.signal);
    slices.forEach((slice, index) => checkSlice(slice, index, this.#shape.patchSize));
    if (slices.length === 0) return this.#features(new Float32Array(0), 0);
    // One operation for all slices: a graph that comes and goes should not do so for each.
    const values = await this.#graph.use((session) => this.#encodeAll(session, slices, options));
    throwIfAborted(options.signal);
    return this.#features(values, slices.length);
  }

  dispose(): Promise<void> {
    return this.#graph.dispose();
  }

  async #encodeAll(
    session: GraphSession,
    slices: readonly SliceInput[],
    options: EncodeOptions,
  ): Promise<Float32Array> {
    const rows = this.#shape.queries * this.#shape.hiddenSize;
    const values = new Float32Array(slices.length * rows);
    const isJoint = this.#shape.batchVisionInput && this.#shape.visionPositions === 'strip';
    const longest = slices.reduce((most, slice) => Math.max(most, patchCount(slice)), 0);
    for (const [index, slice] of slices.entries()) {
      throwIfAborted(options.signal);
      const inputs = visionInputs(slice, this.#shape, isJoint ? longest : patchCount(slice));
      const outputs = await session.run(inputs);
      values.set(float32Output(outputs, VISION_OUTPUT, rows), index * rows);
      options.onProgress?.({ done: index + 1, total: slices.length });
    }
    return values;
  }

  #features(values: Float32Array, sliceCount: number): HostImageFeatures {
    return new HostImageFeatures(values, [sliceCount, this.#shape.queries, this.#shape.hiddenSize]);
  }
}

function patchCount({ targetSize: [rows, columns] }: SliceInput): number {
  return rows * columns;
}
