import { throwIfAborted } from '@pocketlens/backend';
import type { EncodeOptions, SliceInput } from '@pocketlens/backend';
import { float32Output } from './graph-session.js';
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
  readonly #session: GraphSession;
  readonly #shape: VisionEncoderShape;

  constructor(session: GraphSession, shape: VisionEncoderShape) {
    this.#session = session;
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
    const { queries, hiddenSize } = this.#shape;
    const rows = queries * hiddenSize;
    const values = new Float32Array(slices.length * rows);
    const isJoint = this.#shape.batchVisionInput && this.#shape.visionPositions === 'strip';
    const longest = slices.reduce((most, slice) => Math.max(most, patchCount(slice)), 0);
    for (const [index, slice] of slices.entries()) {
      throwIfAborted(options.signal);
      const inputs = visionInputs(slice, this.#shape, isJoint ? longest : patchCount(slice));
      const outputs = await this.#session.run(inputs);
      values.set(float32Output(outputs, VISION_OUTPUT, rows), index * rows);
      options.onProgress?.({ done: index + 1, total: slices.length });
    }
    throwIfAborted(options.signal);
    return new HostImageFeatures(values, [slices.length, queries, hiddenSize]);
  }

  dispose(): Promise<void> {
    return this.#session.dispose();
  }
}

function patchCount({ targetSize: [rows, columns] }: SliceInput): number {
  return rows * columns;
}
