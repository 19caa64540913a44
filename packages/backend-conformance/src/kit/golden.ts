import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ImageFeatures, SequencePart, SliceInput } from '@pocketlens/backend';
import { readNpy } from './npy.js';

/** The random checkpoint, in its published form, with the values that PyTorch computes from it. */
export const goldenFolder: string = fileURLToPath(new URL('../../golden/', import.meta.url));

/** A prompt and what the reference makes of it. */
export interface GoldenPrompt {
  readonly name: string;
  readonly input_ids: readonly number[];
  readonly images: readonly string[];
  /** Runs of ids that the embeddings of the images replace. */
  readonly image_bounds: readonly (readonly [start: number, end: number])[];
  readonly last_logits: string;
  readonly all_logits?: string;
  readonly greedy_20: readonly number[];
  /** What it is when every image is encoded alone; absent where that makes no difference. */
  readonly batch_vision_input_false?: { readonly last_logits: string; readonly greedy_20: readonly number[] };
}

interface GoldenImage {
  readonly tgt_size: readonly [rows: number, columns: number];
  readonly packed_u8: string;
  readonly resampled: string;
}

interface GoldenCases {
  readonly images: Readonly<Record<string, GoldenImage>>;
  readonly batches: readonly { readonly images: readonly string[]; readonly resampled: string }[];
  readonly prompts: readonly GoldenPrompt[];
}

/** The reference's pictures, features and logits. */
export class Golden {
  readonly #cases: GoldenCases;
  readonly #arrays = new Map<string, Promise<Float32Array | Uint8Array>>();

  private constructor(cases: GoldenCases) {
    this.#cases = cases;
  }

  static async load(): Promise<Golden> {
    return new Golden(JSON.parse(await readFile(`${goldenFolder}cases.json`, 'utf8')) as GoldenCases);
  }

  prompt(name: string): GoldenPrompt {
    const found = this.#cases.prompts.find((prompt) => prompt.name === name);
    if (found === undefined) throw new RangeError(`no golden prompt ${name}`);
    return found;
  }

  /** Features of one image encoded alone, `[queries, hiddenSize]`. */
  features(image: string): Promise<Float32Array> {
    return this.values(this.#image(image).resampled);
  }

  /** Features of images encoded as one zero-padded batch, `[images, queries, hiddenSize]`. */
  batchFeatures(images: readonly string[]): Promise<Float32Array> {
    const found = this.#cases.batches.find((batch) => batch.images.join() === images.join());
    if (found === undefined) throw new RangeError(`no golden batch ${images.join(', ')}`);
    return this.values(found.resampled);
  }

  /** Float32 values of a file. */
  async values(file: string): Promise<Float32Array> {
    return (await this.#read(file)) as Float32Array;
  }

  /** A picture as the vision tower takes it: bytes over 255, minus a half, over a half, in float32 steps. */
  async slice(name: string): Promise<SliceInput> {
    const { packed_u8: file, tgt_size: targetSize } = this.#image(name);
    return { pixelValues: normalize(await this.#read(file)), targetSize };
  }

  slices(names: readonly string[]): Promise<SliceInput[]> {
    return Promise.all(names.map((name) => this.slice(name)));
  }

  #image(name: string): GoldenImage {
    const image = this.#cases.images[name];
    if (image === undefined) throw new RangeError(`no golden image ${name}`);
    return image;
  }

  #read(file: string): Promise<Float32Array | Uint8Array> {
    const read = this.#arrays.get(file) ?? readNpy(`${goldenFolder}${file}`);
    this.#arrays.set(file, read);
    return read;
  }
}

/** Bytes of a picture as float32 in -1..1. */
export function normalize(bytes: ArrayLike<number>): Float32Array {
  return Float32Array.from(bytes, (value) => Math.fround(Math.fround(value / 255) - 0.5) / 0.5);
}

/** A prompt as parts: ids, with the run of each image replaced by its slice of the features. */
export function promptParts(
  { ids, bounds }: { readonly ids: readonly number[]; readonly bounds: GoldenPrompt['image_bounds'] },
  features: ImageFeatures | undefined,
): readonly SequencePart[] {
  const parts: SequencePart[] = [];
  let from = 0;
  for (const [slice, [start, end]] of bounds.entries()) {
    parts.push({ ids: ids.slice(from, start) });
    if (features !== undefined) parts.push({ features, slice });
    from = end;
  }
  parts.push({ ids: ids.slice(from) });
  return parts;
}
