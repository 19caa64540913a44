import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Directory of the golden checkpoint and its numbers. */
export const goldenDirectory = fileURLToPath(new URL('../../../tools/golden/model', import.meta.url));

export interface GoldenImage {
  readonly tgt_size: readonly [rows: number, columns: number];
  readonly patches: number;
  readonly packed_u8: string;
  readonly position_ids: readonly number[];
  readonly vision: string;
  readonly resampled: string;
}

export interface GoldenPrompt {
  readonly name: string;
  readonly input_ids: readonly number[];
  readonly images: readonly string[];
  readonly image_bounds: readonly (readonly [start: number, end: number])[];
  readonly last_logits: string;
  readonly all_logits?: string;
  readonly greedy_20: readonly number[];
  readonly 'greedy_20_repetition_penalty_1.05': readonly number[];
  readonly batch_vision_input_false?: {
    readonly last_logits: string;
    readonly greedy_20: readonly number[];
  };
}

export interface GoldenCases {
  readonly images: Readonly<Record<string, GoldenImage>>;
  readonly batches: readonly {
    readonly images: readonly string[];
    readonly padded_patches: number;
    readonly resampled: string;
    readonly vision?: string;
  }[];
  readonly prompts: readonly GoldenPrompt[];
}

export function readGoldenCases(): GoldenCases {
  // The file is ours and its shape is written above.
  return JSON.parse(readFileSync(`${goldenDirectory}/cases.json`, 'utf8')) as GoldenCases;
}

export interface NumpyArray<T> {
  readonly shape: readonly number[];
  readonly data: T;
}

/** Reads a little-endian, C-ordered .npy file of float32 values. */
export function readFloats(name: string): NumpyArray<Float32Array> {
  const { shape, body, descr } = readNumpy(name);
  if (descr !== '<f4') throw new Error(`${name}: ${descr}, float32 expected`);
  return { shape, data: new Float32Array(body.buffer) };
}

/** Reads a C-ordered .npy file of bytes. */
export function readBytes(name: string): NumpyArray<Uint8Array> {
  const { shape, body, descr } = readNumpy(name);
  if (descr !== '|u1') throw new Error(`${name}: ${descr}, uint8 expected`);
  return { shape, data: body };
}

function readNumpy(name: string): { descr: string; shape: number[]; body: Uint8Array<ArrayBuffer> } {
  const bytes = readFileSync(`${goldenDirectory}/${name}`);
  const isFirstVersion = bytes[6] === 1;
  const headerStart = isFirstVersion ? 10 : 12;
  const headerEnd = headerStart + (isFirstVersion ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  const header = bytes.toString('latin1', headerStart, headerEnd);
  const descr = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (!header.includes("'fortran_order': False")) throw new Error(`${name}: C order expected`);
  return { descr, shape, body: Uint8Array.from(bytes.subarray(headerEnd)) };
}
