import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../src/index.js';
import { bucketIds } from './positions.js';

/** A slice as the vision encoder takes it: float32 [3, P, P * L] and its grid. */
export interface TestSlice {
  readonly pixels: Float32Array;
  readonly grid: readonly [rows: number, columns: number];
}

/** Opens a converted part with ONNX Runtime, one thread. */
export async function openPart(
  directory: string,
  manifest: Manifest,
  part: string,
  dtype = 'fp32',
): Promise<InferenceSession> {
  const found = manifest.parts.find((entry) => entry.part === part && entry.dtype === dtype);
  if (found === undefined) throw new Error(`no part ${part} ${dtype}`);
  return await InferenceSession.create(join(directory, found.file), { intraOpNumThreads: 1, logSeverityLevel: 3 });
}

/** Runs the vision encoder over one zero-padded batch: float32 [slices, queries, hidden]. */
export async function encodeSlices(
  session: InferenceSession,
  manifest: Manifest,
  slices: readonly TestSlice[],
): Promise<Float32Array> {
  const outputs = await session.run(sliceFeeds(manifest, slices));
  return floats(outputs['image_features']!);
}

/** Inputs of the vision encoder for one zero-padded batch. */
export function sliceFeeds(manifest: Pick<Manifest, 'model'>, slices: readonly TestSlice[]): Record<string, Tensor> {
  const { patchSize, positionTableSide: side, visionPositions } = manifest.model;
  const counts = slices.map(({ grid: [rows, columns] }) => rows * columns);
  const length = Math.max(...counts);
  const pixels = new Float32Array(slices.length * 3 * patchSize * patchSize * length);
  const places = { ids: [] as number[], rows: [] as number[], cols: [] as number[] };
  for (const [index, { pixels: strip, grid }] of slices.entries()) {
    const width = counts[index]! * patchSize;
    for (let line = 0; line < 3 * patchSize; line++) {
      pixels.set(strip.subarray(line * width, (line + 1) * width), (index * 3 * patchSize + line) * length * patchSize);
    }
    const [rowIds, colIds] = [bucketIds(grid[0], side), bucketIds(grid[1], side)];
    const strips = bucketIds(length, side);
    for (let patch = 0; patch < length; patch++) {
      const isPatch = patch < counts[index]!;
      const [row, col] = isPatch ? [Math.floor(patch / grid[1]), patch % grid[1]] : [0, 0];
      places.rows.push(row);
      places.cols.push(col);
      places.ids.push(visionPositions === 'strip' ? strips[patch]! : isPatch ? rowIds[row]! * side + colIds[col]! : 0);
    }
  }
  const long = (values: readonly number[], dims: readonly number[]): Tensor =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
  const shape = [slices.length, length];
  return {
    pixel_values: new Tensor('float32', pixels, [slices.length, 3, patchSize, patchSize * length]),
    position_ids: long(places.ids, shape),
    patch_rows: long(places.rows, shape),
    patch_cols: long(places.cols, shape),
    patch_counts: long(counts, [slices.length]),
  };
}

function floats(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error('float32 expected');
  return tensor.data;
}

/** Embedding rows of a converted model as float32 [vocabulary, hidden]. */
export function readEmbedding(directory: string): Float32Array {
  const bytes = readFileSync(join(directory, 'embed_tokens.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  return new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer);
}

/** The decoder with its cache, by the delta protocol: only new rows leave the graph, and are written into the cache. */
export class TestDecoder {
  readonly #session: Pick<InferenceSession, 'run'>;
  readonly #manifest: Manifest;
  #capacity: number;
  #length = 0;
  #cache: Float32Array[];

  constructor(session: Pick<InferenceSession, 'run'>, manifest: Manifest, capacity: number) {
    this.#session = session;
    this.#manifest = manifest;
    this.#capacity = capacity;
    const { layers } = manifest.model;
    this.#cache = Array.from({ length: layers * 2 }, () => new Float32Array(this.#rowElements() * capacity));
  }

  #rowElements(): number {
    return this.#manifest.model.kvHeads * this.#manifest.model.headDim;
  }

  /** Appends embeddings [n, hidden]; logits of the positions asked for, [m, vocabulary]. */
  async append(embeddings: Float32Array, rows: readonly number[]): Promise<Float32Array> {
    const { hiddenSize, kvHeads, headDim, layers } = this.#manifest.model;
    const count = embeddings.length / hiddenSize;
    const end = this.#length + count;
    if (end > this.#capacity) this.#grow(end);
    const feeds: Record<string, Tensor> = {
      inputs_embeds: new Tensor('float32', embeddings, [1, count, hiddenSize]),
      seqlens_k: new Tensor('int32', Int32Array.of(end - 1), [1]),
      total_sequence_length: new Tensor('int32', Int32Array.of(end), []),
      kv_start: new Tensor('int64', BigInt64Array.of(BigInt(this.#length)), [1]),
      kv_end: new Tensor('int64', BigInt64Array.of(BigInt(end)), [1]),
      logits_index: new Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length]),
    };
    const names = Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
    for (const [index, name] of names.entries()) {
      feeds[`past.${name}`] = new Tensor('float32', this.#cache[index]!, [1, kvHeads, this.#capacity, headDim]);
    }
    const outputs = await this.#session.run(feeds);
    for (const [index, name] of names.entries()) {
      const fresh = floats(outputs[`new.${name}`]!);
      for (let head = 0; head < kvHeads; head++) {
        const rowsOfHead = fresh.subarray(head * count * headDim, (head + 1) * count * headDim);
        this.#cache[index]!.set(rowsOfHead, (head * this.#capacity + this.#length) * headDim);
      }
    }
    this.#length = end;
    return floats(outputs['logits']!);
  }

  #grow(needed: number): void {
    const { kvHeads, headDim } = this.#manifest.model;
    const capacity = Math.ceil(needed / 256) * 256;
    this.#cache = this.#cache.map((old) => {
      const grown = new Float32Array(this.#rowElements() * capacity);
      for (let head = 0; head < kvHeads; head++) {
        const rows = old.subarray(head * this.#capacity * headDim, (head * this.#capacity + this.#length) * headDim);
        grown.set(rows, head * capacity * headDim);
      }
      return grown;
    });
    this.#capacity = capacity;
  }
}
