import { DisposedError } from '@pocketlens/backend';
import type { ImageFeatures } from '@pocketlens/backend';

/** Image features held on the host. */
export class HostImageFeatures implements ImageFeatures {
  readonly sliceCount: number;
  readonly queries: number;
  readonly hiddenSize: number;
  #values: Float32Array | undefined;

  constructor(values: Float32Array, shape: readonly [sliceCount: number, queries: number, hiddenSize: number]) {
    [this.sliceCount, this.queries, this.hiddenSize] = shape;
    this.#values = values;
  }

  /** Rows of one slice, `[queries, hiddenSize]`, without a copy. */
  slice(index: number): Float32Array {
    const rows = this.queries * this.hiddenSize;
    return this.#get().subarray(index * rows, (index + 1) * rows);
  }

  async read(): Promise<Float32Array> {
    return this.#get().slice();
  }

  dispose(): void {
    this.#values = undefined;
  }

  #get(): Float32Array {
    if (this.#values === undefined) throw new DisposedError('the image features');
    return this.#values;
  }
}
