import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DenseLogits } from '@pocketlens/backend';
import { convert } from '@pocketlens/converter';
import { modelDirectory } from '../../../model-tiny/src/index.js';
import { writeRandomCheckpoint } from '../../../converter/test/random-checkpoint.js';
import { convertGolden, goldenSlice } from '../../test/golden.js';
import { runProgram } from '../../test/run-from-source.js';
import { clearPrepacked, defaultCacheDirectory, onnxruntimeNode } from '../index.js';
import { cacheKey } from './cache-key.js';

let root: string;
let cache: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pocketlens-prepacked-'));
});

beforeEach(async () => {
  cache = join(root, 'cache');
  await rm(cache, { recursive: true, force: true });
});

afterAll(() => rm(root, { recursive: true, force: true }));

const entries = async (): Promise<string[]> => (await readdir(join(cache, 'prepacked'))).toSorted();

async function run(directory: string, prepacked: string | false, ids: readonly number[]): Promise<Float32Array[]> {
  const model = await onnxruntimeNode({ threads: 1, worker: false, prepacked }).loadModel(directory);
  const features = await model.encodeImages([goldenSlice('wide')]);
  const logits = await model.createSequence().append([{ ids }, { features, slice: 0 }], { logits: 'all' });
  const values = [await features.read(), (logits as DenseLogits).data];
  await model.dispose();
  return values;
}

describe('packed weights', () => {
  let golden: string;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    ({ directory: golden, remove: cleanUp } = await convertGolden());
  });

  afterAll(() => cleanUp());

  it.each(['golden', 'embedded'])(
    'give the very numbers of the %s model, when made and when used again',
    async (name) => {
      const directory = name === 'golden' ? golden : modelDirectory;
      const plain = await run(directory, false, [20, 21, 22]);
      expect(await run(directory, cache, [20, 21, 22])).toEqual(plain);
      const [first] = await entries();
      const made = await stat(join(cache, 'prepacked', first!, 'graph.onnx_data'));
      expect(await entries()).toHaveLength(2);
      expect(await run(directory, cache, [20, 21, 22])).toEqual(plain);
      expect((await stat(join(cache, 'prepacked', first!, 'graph.onnx_data'))).mtimeMs).toBe(made.mtimeMs);
    },
  );

  it('are not used for the int4 decoder, which answers as without', async () => {
    const { directory, remove } = await convertGolden({ dtypes: ['q4'] });
    const plain = await run(directory, false, [20, 21, 22]);
    expect(await run(directory, cache, [20, 21, 22])).toEqual(plain);
    expect(await run(directory, cache, [20, 21, 22])).toEqual(plain);
    expect(plain[1]!.every(Number.isFinite)).toBe(true);
    expect(await entries()).toHaveLength(1);
    await remove();
  });

  it('are made again when they are cut, and left alone when the folder cannot be written', async () => {
    const plain = await run(golden, false, [20]);
    await run(golden, cache, [20]);
    for (const entry of await entries()) await truncate(join(cache, 'prepacked', entry, 'graph.onnx_data'), 100);
    expect(await run(golden, cache, [20])).toEqual(plain);
    for (const entry of await entries()) {
      expect((await stat(join(cache, 'prepacked', entry, 'graph.onnx_data'))).size).toBeGreaterThan(100);
    }
    const file = join(root, 'a-file');
    await writeFile(file, '');
    expect(await run(golden, join(file, 'below'), [20])).toEqual(plain);
  });

  it('are replaced when the engine cannot read them', async () => {
    const plain = await run(golden, false, [20]);
    await run(golden, cache, [20]);
    for (const entry of await entries()) {
      const graph = join(cache, 'prepacked', entry, 'graph.onnx');
      await writeFile(graph, new Uint8Array((await stat(graph)).size).fill(0x55));
    }
    expect(await run(golden, cache, [20])).toEqual(plain);
    expect(await entries()).toEqual([]);
  });

  it('leave nothing of a process that was killed, and keep what a living one writes', async () => {
    await mkdir(join(cache, 'prepacked', 'tmp-4194399-abc'), { recursive: true });
    await mkdir(join(cache, 'prepacked', `tmp-${process.ppid}-def`), { recursive: true });
    await run(golden, cache, [20]);
    expect((await entries()).filter((name) => name.startsWith('tmp'))).toEqual([`tmp-${process.ppid}-def`]);
  });

  it('can be deleted', async () => {
    await run(golden, cache, [20]);
    expect(await clearPrepacked(cache)).toBeGreaterThan(1e6);
    expect(existsSync(join(cache, 'prepacked'))).toBe(false);
    expect(await clearPrepacked(cache)).toBe(0);
  });
});

describe('the key of packed weights', () => {
  const facts = { fileHashes: ['a', 'b'], runtimeVersion: '1.30.0', processor: 'x64|avx2' };

  it('changes with the files, the engine and the processor', () => {
    const others = [{ fileHashes: ['b', 'a'] }, { runtimeVersion: '1.30.1' }, { processor: 'x64|avx512' }];
    const keys = [facts, ...others.map((other) => ({ ...facts, ...other }))].map(cacheKey);
    expect(new Set(keys).size).toBe(4);
    expect(cacheKey({ ...facts })).toBe(keys[0]);
  });
});

describe('the usual cache directory', () => {
  it('is the one of the system', () => {
    expect(defaultCacheDirectory('linux', {}, '/home/a')).toBe('/home/a/.cache/pocketlens');
    expect(defaultCacheDirectory('linux', { XDG_CACHE_HOME: '/c' }, '/home/a')).toBe('/c/pocketlens');
    expect(defaultCacheDirectory('darwin', {}, '/Users/a')).toBe('/Users/a/Library/Caches/pocketlens');
    expect(defaultCacheDirectory('win32', { LOCALAPPDATA: '/local' }, '/a')).toBe('/local/pocketlens/cache');
  });
});

describe.runIf(process.platform === 'linux')('the memory of packed weights', () => {
  it('belongs to the file, not to the process', async () => {
    const model = join(root, 'model');
    // About 9 million weights in the decoder: 35 MB as float32.
    const config = { hidden_size: 512, intermediate_size: 1408, num_attention_heads: 4, num_hidden_layers: 3 };
    writeRandomCheckpoint(join(root, 'checkpoint'), { config });
    await convert({ source: join(root, 'checkpoint'), target: model, dtypes: ['fp32'] });
    const anonymousBytes = async (prepacked: string | false): Promise<number> =>
      Number(
        await runProgram(`
          import { readFileSync } from 'node:fs';
          const anonymous = () => 1024 * Number(/^Anonymous: +(\\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1]);
          const engine = backend.onnxruntimeNode({ threads: 1, worker: false, prepacked: ${JSON.stringify(prepacked)} });
          const before = anonymous();
          const model = await engine.loadModel(${JSON.stringify(model)});
          await model.createSequence({ capacity: 64 }).append([{ ids: [1, 2, 3] }]);
          console.log(anonymous() - before);`),
      );
    await anonymousBytes(cache);
    const [plain, packed] = [await anonymousBytes(false), await anonymousBytes(cache)];
    expect(plain).toBeGreaterThan(25e6);
    expect(packed).toBeLessThan(plain / 2);
  }, 300_000);
});
