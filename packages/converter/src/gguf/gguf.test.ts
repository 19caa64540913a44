import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { contents } from '../../test/contents.js';
import { convert, type ConvertOptions } from '../convert.js';
import { PocketlensError } from '../errors.js';
import { convertWeights, isWeightDtype, weightElementBytes } from '../tensors/float.js';
import { GgufFile } from './file.js';
import { ggufCheckpoint } from './gguf-checkpoint.js';
import { ggufTokenizer } from './gguf-tokenizer.js';
import { GGML_TYPES, dequantizeBlocks } from './types.js';

const golden = fileURLToPath(new URL('../../test/gguf-golden', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'pocketlens-gguf-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let room: string;
let pair: string;
let language: string;
let projector: string;
let count = 0;

beforeEach(() => {
  room = join(root, String(count++));
  pair = join(room, 'pair');
  mkdirSync(room);
  cpSync(join(golden, 'float', 'pair'), pair, { recursive: true });
  language = join(pair, 'ggml-model-f16.gguf');
  projector = join(pair, 'mmproj-model-f16.gguf');
});

const run = (options: Partial<ConvertOptions> = {}): ReturnType<typeof convert> =>
  convert({ source: language, target: join(room, 'model'), dtypes: ['fp32'], ...options });
const failureOf = (options: Partial<ConvertOptions> = {}): Promise<unknown> =>
  run(options).catch((error: unknown) => error);

interface GoldenBlocks {
  readonly type: number;
  readonly bytes: string;
  readonly float32: string;
}

describe('dequantisation', () => {
  const blocks = JSON.parse(readFileSync(join(golden, 'blocks.json'), 'utf8')) as Record<string, GoldenBlocks>;

  test.each(Object.entries(blocks))('%s gives the bits of the reference', (name, { type, bytes, float32 }) => {
    const known = GGML_TYPES.get(type)!;
    expect(known.name).toBe(name);
    const values = dequantizeBlocks(known, Buffer.from(bytes, 'hex'));
    expect(Buffer.from(values.buffer).toString('hex')).toBe(float32);
  });

  test('tensors of every quantised type, renamed and in the order of the checkpoint, read in pieces', async () => {
    const directory = join(golden, 'quantised');
    const expected = JSON.parse(readFileSync(join(directory, 'sha256.json'), 'utf8')) as Record<string, string>;
    const checkpoint = ggufCheckpoint({
      language: await GgufFile.open(join(directory, 'ggml-model-mixed.gguf')),
      projector: await GgufFile.open(projector),
    });
    expect([...checkpoint.tensors.keys()].filter((name) => name.startsWith('llm.')).toSorted()).toEqual(
      Object.keys(expected).toSorted(),
    );
    for (const [name, sha256] of Object.entries(expected)) {
      const tensor = checkpoint.tensor(name);
      if (!isWeightDtype(tensor.dtype)) throw new Error(tensor.dtype);
      const size = weightElementBytes(tensor.dtype);
      const hash = createHash('sha256');
      for (let offset = 0; offset < tensor.byteLength; offset += 10_007 * size) {
        const bytes = await checkpoint.read(tensor, offset, Math.min(10_007 * size, tensor.byteLength - offset));
        const bits = convertWeights(bytes, tensor.dtype, 'float32', name);
        hash.update(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength));
      }
      expect(hash.digest('hex'), name).toBe(sha256);
    }
    await checkpoint.close();
  });
});

describe('a float16 pair', () => {
  test('gives the weights and graphs of its checkpoint, byte for byte', async () => {
    const direct = join(room, 'direct');
    const dtypes = ['fp32', 'fp16', 'q4'] as const;
    const expected = await convert({ source: join(golden, 'float', 'checkpoint'), target: direct, dtypes });
    const { manifest } = await run({ dtypes });
    const weights = (directory: string): Record<string, string> =>
      Object.fromEntries(Object.entries(contents(directory)).filter(([name]) => /^(onnx|embed)/.test(name)));
    expect(Object.keys(weights(direct)).length).toBeGreaterThan(10);
    expect(weights(join(room, 'model'))).toEqual(weights(direct));
    expect(manifest.model).toEqual({ ...expected.manifest.model, name: 'small' });
    expect(manifest.source).toMatchObject({
      kind: 'gguf',
      files: [{ path: 'ggml-model-f16.gguf' }, { path: 'mmproj-model-f16.gguf' }],
    });
  });

  test('is found in a directory; the image part can lie elsewhere', async () => {
    await run({ source: pair, target: join(room, 'one') });
    renameSync(projector, join(room, 'images.gguf'));
    await run({ mmproj: join(room, 'images.gguf'), target: join(room, 'two') });
    expect(contents(join(room, 'two'))['onnx/vision_encoder.onnx_data']).toBe(
      contents(join(room, 'one'))['onnx/vision_encoder.onnx_data'],
    );
  });

  test('brings its tokenizer', async () => {
    await run();
    const file = JSON.parse(readFileSync(join(room, 'model', 'tokenizer.json'), 'utf8')) as {
      added_tokens: { id: number; content: string; special: boolean }[];
      model: { vocab: Record<string, number>; merges: string[] };
    };
    expect(file.added_tokens.map(({ id, content, special }) => [id, content, special])).toEqual([
      [259, '<|begin_of_text|>', true],
      [260, '<|end_of_text|>', true],
      [261, '<unk>', true],
      [262, '<image>', true],
      [263, '</image>', true],
    ]);
    expect(file.model.merges).toEqual(['t h', 'th e', 'Ġ the']);
    expect(file.model.vocab['Ġthe']).toBe(258);
    expect(Object.keys(file.model.vocab)).toHaveLength(259);
    expect(JSON.parse(readFileSync(join(room, 'model', 'config.json'), 'utf8'))).toMatchObject({
      bos_token_id: 259,
      eos_token_id: 260,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
    });
  });

  test('keeps a tokenizer that stands beside it, and takes settings from config.json', async () => {
    writeFileSync(join(pair, 'tokenizer.model'), 'IQ== 0\n');
    writeFileSync(join(pair, 'config.json'), JSON.stringify({ version: '2.6', batch_vision_input: false }));
    const { manifest } = await run();
    expect(manifest.files.map(({ path }) => path)).toContain('tokenizer.model');
    expect(manifest.files.map(({ path }) => path)).not.toContain('tokenizer.json');
    expect(manifest.model).toMatchObject({ version: '2.6', visionPositions: 'grid', batchVisionInput: false });
  });
});

/** Replaces bytes of a file that occur once. */
function edit(path: string, from: string, to: string | Buffer, shift = 0): void {
  const file = readFileSync(path);
  const at = file.indexOf(from, 0, 'latin1');
  if (at < 0) throw new Error(`${from} is not there`);
  file.set(typeof to === 'string' ? Buffer.from(to, 'latin1') : to, at + shift);
  writeFileSync(path, file);
}

/** A little-endian number of 4 bytes. */
function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

describe('what is refused', () => {
  test.each([
    ['another magic number', () => edit(language, 'GGUF', 'GGML'), 'MODEL_HEADER', 'begins with 47474d4c, not "GGUF"'],
    ['a version of the future', () => edit(language, 'GGUF', word(9), 4), 'MODEL_HEADER', 'version "9"'],
    ['three bytes', () => writeFileSync(language, 'GGU'), 'MODEL_HEADER', '3 bytes, at least 24'],
    ['data that is cut', () => cut(language, 0.9), 'MODEL_TENSOR_BOUNDS', 'in a file of'],
    [
      'a header that is cut',
      () => writeFileSync(language, readFileSync(language).subarray(0, 3000)),
      'MODEL_HEADER',
      'header',
    ],
    [
      'an unknown quantisation type',
      () => edit(language, 'blk.0.attn_q.weight', word(19), 'blk.0.attn_q.weight'.length + 4 + 16),
      'MODEL_DTYPE',
      '"blk.0.attn_q.weight" has quantisation type 19',
    ],
    ['another architecture', () => edit(language, 'llama', 'qwen2', 0), 'MODEL_CONFIG', 'architecture "qwen2"'],
    [
      'a tensor of another model',
      () => edit(language, 'blk.0.attn_q.', 'blk.0.attn_z.'),
      'MODEL_CONFIG',
      'no place in this model',
    ],
    [
      'scaled positions',
      () => edit(language, 'output_norm.weight', 'rope_freqs.weightx'),
      'MODEL_CONFIG',
      'has no place',
    ],
    [
      'a key that is missing',
      () => edit(language, 'llama.context_length', 'llama.context_lengtx'),
      'MODEL_CONFIG',
      'llama.context_length',
    ],
    ['another tokenizer', () => edit(language, 'llama-bpe', 'deepseek9'), 'MODEL_CONFIG', '"gpt2 deepseek9"'],
    ['no image part', () => rmSync(projector), 'MODEL_SHARD', 'no image part'],
    ['two image parts', () => cpSync(projector, join(pair, 'mmproj-2.gguf')), 'MODEL_SHARD', 'has 2 files'],
    ['an image part of another kind', () => cpSync(language, projector), 'MODEL_CONFIG', 'no MiniCPM-V mmproj'],
    [
      'a half of the resampler',
      () => edit(projector, 'resampler.attn.k.bias', 'resampler.attn.q.biax'),
      'MODEL_CONFIG',
      'no place',
    ],
  ])('%s', async (_, damage, code, message) => {
    damage();
    expect(await failureOf()).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('the image part as a source, a file that is not there, a GGUF file of another model', async () => {
    expect(await failureOf({ source: projector })).toMatchObject({ message: expect.stringContaining('mmproj') });
    expect(await failureOf({ mmproj: join(room, 'absent.gguf') })).toMatchObject({ code: 'MODEL_SHARD' });
    expect(
      await failureOf({ source: join(golden, 'quantised', 'ggml-model-mixed.gguf'), mmproj: projector }),
    ).toMatchObject({
      code: 'MODEL_CONFIG',
      message: expect.stringContaining('shape'),
    });
  });

  test('whatever is altered in the header: an error of ours, or a file that reads', async () => {
    const original = readFileSync(language);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 20_000 }),
        fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
        fc.integer({ min: 1, max: 8 }),
        async (at, value, length) => {
          const file = Buffer.from(original);
          file.fill(value, at, at + length);
          writeFileSync(language, file);
          try {
            const opened = await GgufFile.open(language);
            try {
              ggufTokenizer(opened);
            } finally {
              await opened.close();
            }
          } catch (error) {
            expect(error).toBeInstanceOf(PocketlensError);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

function cut(path: string, fraction: number): void {
  const file = readFileSync(path);
  writeFileSync(path, file.subarray(0, Math.floor(file.length * fraction)));
}
