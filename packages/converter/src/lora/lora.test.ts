import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { largestDifference } from '../../test/compare.js';
import { contents } from '../../test/contents.js';
import { normalNumbers, writeRandomCheckpoint, type RandomTensors } from '../../test/random-checkpoint.js';
import { convert } from '../convert.js';
import { Checkpoint } from '../safetensors/checkpoint.js';
import { encodeSafetensors, type TensorData } from '../safetensors/writer.js';
import { convertWeights, isWeightDtype } from '../tensors/float.js';
import { openAdapter } from './adapter.js';
import { parseAdapterConfig } from './adapter-config.js';
import { mergeAdapter } from './merge.js';

const golden = fileURLToPath(new URL('../../test/lora-golden', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'pocketlens-lora-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let room: string;
let source: string;
let adapter: string;
let count = 0;

beforeEach(() => {
  room = join(root, String(count++));
  source = join(room, 'checkpoint');
  adapter = join(room, 'adapter');
  mkdirSync(adapter, { recursive: true });
});

/** All values of a tensor, read in pieces that begin and end anywhere. */
async function readAll(checkpoint: Checkpoint, name: string, pieceElements = 7): Promise<Float32Array> {
  const tensor = checkpoint.tensor(name);
  if (!isWeightDtype(tensor.dtype)) throw new Error(tensor.dtype);
  const size = tensor.dtype === 'F32' ? 4 : 2;
  const values: number[] = [];
  for (let offset = 0; offset < tensor.byteLength; offset += pieceElements * size) {
    const bytes = await checkpoint.read(tensor, offset, Math.min(pieceElements * size, tensor.byteLength - offset));
    values.push(...new Float32Array(convertWeights(bytes, tensor.dtype, 'float32', name).buffer));
  }
  return Float32Array.from(values);
}

async function openMerged(): Promise<Checkpoint> {
  const base = await Checkpoint.open(source);
  return mergeAdapter(base, await openAdapter(adapter, base));
}

describe('adapters that PEFT wrote, against its own merge', () => {
  const cases = readdirSync(golden).filter((name) => !name.includes('.'));

  test.each(cases)('%s', async (name) => {
    mkdirSync(source);
    cpSync(join(golden, 'base.safetensors'), join(source, 'model.safetensors'));
    cpSync(join(golden, name), adapter, { recursive: true });
    const expectedDirectory = join(room, 'expected');
    mkdirSync(expectedDirectory);
    cpSync(join(golden, name, 'merged.safetensors'), join(expectedDirectory, 'model.safetensors'));
    const [merged, base, expected] = [
      await openMerged(),
      await Checkpoint.open(source),
      await Checkpoint.open(expectedDirectory),
    ];
    expect(expected.tensors.size).toBeGreaterThan(5);
    for (const tensor of base.tensors.values()) {
      const from = expected.tensors.has(tensor.name) ? expected : base;
      const values = await readAll(merged, tensor.name);
      expect(largestDifference(values, await readAll(from, tensor.name)), tensor.name).toBeLessThan(1e-6);
    }
    for (const checkpoint of [merged, base, expected]) await checkpoint.close();
  });
});

interface Update {
  readonly module: string;
  readonly rank: number;
  readonly scale: number;
}

/** Writes a random adapter in the published form; its settings are those of a plain rank 3 with alpha 6. */
function writeAdapter(
  tensors: RandomTensors,
  updates: readonly Update[],
  config: Readonly<Record<string, unknown>> = {},
): { readonly expected: ReadonlyMap<string, Float64Array> } {
  const random = normalNumbers(5);
  const stored: TensorData[] = [];
  const expected = new Map<string, Float64Array>();
  for (const { module, rank, scale } of updates) {
    const { shape, values } = tensors.get(`${module}.weight`)!;
    const [rows, columns] = [shape[0]!, shape[1]!];
    const a = Float32Array.from({ length: rank * columns }, random);
    const b = Float32Array.from({ length: rows * rank }, random);
    const name = `base_model.model.${module}`;
    stored.push({
      name: `${name}.lora_A.weight`,
      dtype: 'F32',
      shape: [rank, columns],
      bytes: new Uint8Array(a.buffer),
    });
    stored.push({ name: `${name}.lora_B.weight`, dtype: 'F32', shape: [rows, rank], bytes: new Uint8Array(b.buffer) });
    const merged = Float64Array.from(values);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let delta = 0;
        for (let k = 0; k < rank; k++) delta += b[row * rank + k]! * a[k * columns + column]!;
        merged[row * columns + column]! += scale * delta;
      }
    }
    expected.set(`${module}.weight`, merged);
  }
  writeFileSync(join(adapter, 'adapter_model.safetensors'), encodeSafetensors(stored));
  const settings = { peft_type: 'LORA', r: 3, lora_alpha: 6, bias: 'none', ...config };
  writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify(settings));
  return { expected };
}

const layer = 'llm.model.layers.0';

describe('merging', () => {
  test.each(['F16', 'BF16', 'F32'] as const)('equals a float64 computation, over %s weights', async (dtype) => {
    const tensors = writeRandomCheckpoint(source, { dtype });
    const { expected } = writeAdapter(
      tensors,
      [
        { module: `${layer}.self_attn.q_proj`, rank: 9, scale: 7 / 3 },
        { module: `${layer}.mlp.down_proj`, rank: 3, scale: 6 / Math.sqrt(3) },
        { module: 'vpm.encoder.layers.1.mlp.fc1', rank: 3, scale: 6 / Math.sqrt(3) },
      ],
      { use_rslora: true, rank_pattern: { 'self_attn.q_proj': 9 }, alpha_pattern: { '.*q_proj': 7 } },
    );
    const merged = await openMerged();
    for (const [name, values] of expected) {
      const tolerance = Math.max(...values.map(Math.abs)) * 2 ** -23;
      expect(largestDifference(await readAll(merged, name, 1000), values), name).toBeLessThan(tolerance);
    }
    const untouched = `${layer}.self_attn.k_proj.weight`;
    expect(merged.tensor(untouched).dtype).toBe(dtype);
    expect(await readAll(merged, untouched)).toEqual(tensors.get(untouched)!.values);
    await merged.close();
  });

  test('an adapter of the language model alone', async () => {
    const tensors = writeRandomCheckpoint(source);
    const alone = new Map([...tensors].map(([name, tensor]) => [name.replace(/^llm\./, ''), tensor]));
    const { expected } = writeAdapter(alone, [{ module: 'model.layers.1.self_attn.v_proj', rank: 3, scale: 2 }]);
    const merged = await openMerged();
    const values = await readAll(merged, 'llm.model.layers.1.self_attn.v_proj.weight');
    expect(largestDifference(values, expected.get('model.layers.1.self_attn.v_proj.weight')!)).toBeLessThan(1e-5);
    await merged.close();
  });

  test('a conversion with an adapter equals the conversion of the merged checkpoint', async () => {
    const tensors = writeRandomCheckpoint(source, { dtype: 'F32', shards: 1 });
    const modules = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => `${layer}.self_attn.${name}`);
    writeAdapter(
      tensors,
      modules.map((module) => ({ module, rank: 3, scale: 2 })),
    );
    const { manifest } = await convert({
      source,
      lora: adapter,
      target: join(room, 'model'),
      dtypes: ['fp32', 'fp16'],
    });
    expect(manifest.source).toMatchObject({ kind: 'checkpoint', adapter: 'adapter' });

    const merged = await openMerged();
    const stored: TensorData[] = [];
    for (const { name, shape } of merged.tensors.values()) {
      stored.push({ name, dtype: 'F32', shape, bytes: new Uint8Array((await readAll(merged, name, 1e6)).buffer) });
    }
    await merged.close();
    writeFileSync(join(source, 'model.safetensors'), encodeSafetensors(stored));
    await convert({ source, target: join(room, 'expected'), dtypes: ['fp32', 'fp16'] });
    const { 'pocketlens.json': _, ...written } = contents(join(room, 'model'));
    const { 'pocketlens.json': __, ...expected } = contents(join(room, 'expected'));
    expect(written).toEqual(expected);
  });
});

describe('what is refused', () => {
  const plain = { peft_type: 'LORA', r: 8, lora_alpha: 16 };

  test.each([
    [{ peft_type: 'IA3' }, 'peft_type must be "LORA"'],
    [{ r: 0 }, 'r must be a positive number'],
    [{ r: 2.5 }, 'r must be a whole number'],
    [{ lora_alpha: 'large' }, 'lora_alpha must be'],
    [{ rank_pattern: { q: -1 } }, 'rank_pattern.q must be'],
    [{ alpha_pattern: [] }, 'alpha_pattern must be an object'],
    [{ rank_pattern: { '(': 4 } }, 'is no pattern'],
    [{ use_dora: true }, 'DoRA'],
    [{ lora_bias: true }, 'lora_B'],
    [{ layer_replication: [[0, 4]] }, 'replicated layers'],
    [{ invented_later: true }, 'invented_later asks for true'],
    [{ init_lora_weights: 'pissa_niter_4' }, 'changes the base weights'],
  ])('settings %o', (change, message) => {
    const failure = (): unknown => parseAdapterConfig({ ...plain, ...change });
    expect(failure).toThrow(
      expect.objectContaining({ code: 'MODEL_CONFIG', message: expect.stringContaining(message) }),
    );
  });

  const refuse = async (edit: () => void): Promise<unknown> => {
    const tensors = writeRandomCheckpoint(source);
    writeAdapter(tensors, [{ module: `${layer}.self_attn.q_proj`, rank: 3, scale: 2 }]);
    edit();
    return await convert({ source, lora: adapter, target: join(room, 'model'), dtypes: ['fp32'] }).catch(
      (error: unknown) => error,
    );
  };
  const pair = (module: string, a: readonly number[], b: readonly number[]): void => {
    const zeros = (name: string, shape: readonly number[]): TensorData => {
      const bytes = new Uint8Array(4 * shape.reduce((product, size) => product * size, 1));
      return { name: `base_model.model.${module}.${name}`, dtype: 'F32', shape, bytes };
    };
    const stored = [zeros('lora_A.weight', a), ...(b.length === 0 ? [] : [zeros('lora_B.weight', b)])];
    writeFileSync(join(adapter, 'adapter_model.safetensors'), encodeSafetensors(stored));
  };
  const query = `${layer}.self_attn.q_proj`;

  test.each([
    [
      'a module that the checkpoint lacks',
      () => pair('llm.model.layers.9.self_attn.q_proj', [3, 128], [128, 3]),
      'layers.9.self_attn.q_proj.weight", which checkpoint does not have',
    ],
    [
      'another width',
      () => pair(query, [3, 96], [128, 3]),
      `lora_A.weight" has shape [3, 96]; "${query}.weight" [128, 128] asks for [3, 128]`,
    ],
    ['another height', () => pair(query, [3, 128], [96, 3]), 'lora_B.weight" has shape [96, 3]'],
    ['another rank than its settings say', () => pair(query, [4, 128], [128, 4]), 'has shape [4, 128]'],
    ['half a pair', () => pair(query, [3, 128], []), 'has no partner'],
  ])('an adapter with %s', async (_, edit, message) => {
    expect(await refuse(edit)).toMatchObject({ code: 'MODEL_CONFIG', message: expect.stringContaining(message) });
  });

  test('an adapter directory that is none, or without weights', async () => {
    const config = join(adapter, 'adapter_config.json');
    const weights = join(adapter, 'adapter_model.safetensors');
    expect(await refuse(() => rmSync(config))).toMatchObject({ code: 'MODEL_CONFIG' });
    expect(await refuse(() => writeFileSync(config, '{'))).toMatchObject({ code: 'MODEL_CONFIG' });
    expect(await refuse(() => rmSync(weights))).toMatchObject({ code: 'MODEL_SHARD' });
    const pickle = (): void => {
      rmSync(weights);
      writeFileSync(join(adapter, 'adapter_model.bin'), '');
    };
    expect(await refuse(pickle)).toMatchObject({ code: 'MODEL_SHARD', hint: expect.stringContaining('pickle') });
    const cut = (): void => writeFileSync(weights, readFileSync(weights).subarray(0, 200));
    expect(await refuse(cut)).toMatchObject({ code: expect.stringMatching(/^MODEL_(HEADER|TENSOR_BOUNDS)$/) });
    adapter = weights;
    await expect(
      convert({ source, lora: weights, target: join(room, 'model'), dtypes: ['fp32'] }),
    ).rejects.toMatchObject({ code: 'MODEL_CONFIG', message: expect.stringContaining('is a file') });
  });
});
