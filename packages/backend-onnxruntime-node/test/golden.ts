import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dtype, SequencePart, SliceInput, ImageFeatures } from '@pocketlens/backend';
import { convert } from '@pocketlens/converter';

const folder = fileURLToPath(new URL('../../../tools/golden/model/', import.meta.url));

export interface GoldenPrompt {
  readonly name: string;
  readonly input_ids: readonly number[];
  readonly images: readonly string[];
  readonly image_bounds: readonly (readonly [number, number])[];
  readonly last_logits: string;
  readonly all_logits?: string;
  readonly greedy_20: readonly number[];
  readonly 'greedy_20_repetition_penalty_1.05': readonly number[];
  readonly 'beam3_20_repetition_penalty_1.2': readonly number[];
  readonly batch_vision_input_false?: { readonly last_logits: string; readonly greedy_20: readonly number[] };
}

export interface GoldenCases {
  readonly images: Readonly<
    Record<
      string,
      { readonly tgt_size: readonly [number, number]; readonly packed_u8: string; readonly resampled: string }
    >
  >;
  readonly batches: readonly { readonly images: readonly string[]; readonly resampled: string }[];
  readonly prompts: readonly GoldenPrompt[];
}

export const cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as GoldenCases;

/** Absolute tolerances of the golden data, for float32. */
export const TOLERANCE = { resampler: 5e-5, logits: 1e-4 } as const;

/** Data of a `.npy` file of float32 or uint8 values. */
export function readNpy(name: string): Float32Array | Uint8Array {
  const bytes = readFileSync(join(folder, name));
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const data = Uint8Array.from(bytes.subarray(start));
  if (header.includes("'|u1'")) return data;
  if (header.includes("'<f4'")) return new Float32Array(data.buffer);
  throw new Error(`${name}: ${header}`);
}

/** A golden picture as the vision tower takes it: divided by 255, minus a half, over a half, in float32 steps. */
export function goldenSlice(name: string): SliceInput {
  const { packed_u8: file, tgt_size: targetSize } = cases.images[name]!;
  const pixelValues = Float32Array.from(readNpy(file), (value) => Math.fround(Math.fround(value / 255) - 0.5) / 0.5);
  return { pixelValues, targetSize };
}

/** How a copy of the golden checkpoint differs. */
export interface GoldenVariant {
  /** Keys of `config.json`. */
  readonly config?: object;
  /** Changes files of the checkpoint. */
  readonly edit?: (checkpoint: string) => Promise<void>;
  readonly dtypes?: readonly Exclude<Dtype, 'q4f16'>[];
}

/** Converts the golden checkpoint, or a variant of it, into a new folder. */
export async function convertGolden(
  variant: GoldenVariant = {},
): Promise<{ readonly directory: string; readonly remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'pocketlens-golden-'));
  const source = join(root, 'checkpoint');
  await cp(folder, source, { recursive: true, filter: (path) => !path.endsWith('.npy') });
  const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as object;
  await writeFile(join(source, 'config.json'), JSON.stringify({ ...config, ...variant.config }));
  await variant.edit?.(source);
  const directory = join(root, 'model');
  await convert({ source, target: directory, dtypes: variant.dtypes ?? ['fp32'] });
  return { directory, remove: () => rm(root, { recursive: true, force: true }) };
}

/** Changes the bytes of one tensor of a checkpoint in place. */
export async function editTensor(checkpoint: string, name: string, edit: (bytes: Uint8Array) => void): Promise<void> {
  const index = JSON.parse(await readFile(join(checkpoint, 'model.safetensors.index.json'), 'utf8')) as {
    readonly weight_map: Readonly<Record<string, string>>;
  };
  const shard = join(checkpoint, index.weight_map[name]!);
  const file = await readFile(shard);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<
    string,
    { readonly data_offsets: [number, number] }
  >;
  const [begin, end] = header[name]!.data_offsets;
  edit(file.subarray(start + begin, start + end));
  await writeFile(shard, file);
}

/** A golden prompt with its image runs replaced by features, slice by slice. */
export function promptParts(prompt: GoldenPrompt, features: ImageFeatures | undefined): readonly SequencePart[] {
  const parts: SequencePart[] = [];
  let from = 0;
  for (const [slice, [start, end]] of prompt.image_bounds.entries()) {
    parts.push({ ids: prompt.input_ids.slice(from, start) });
    if (features !== undefined) parts.push({ features, slice });
    from = end;
  }
  parts.push({ ids: prompt.input_ids.slice(from) });
  return parts;
}

/** Largest absolute difference; NaN counts as infinite. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    most = Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }
  return most;
}
