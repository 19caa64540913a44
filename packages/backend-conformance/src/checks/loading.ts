import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../check.js';
import { expectCode } from '../expect.js';

const MANIFEST = 'pocketlens.json';

/** Weights of the decoder of one storage type. */
async function someWeights(
  directory: string,
  dtype: string,
): Promise<{ readonly path: string; readonly size: number }> {
  const { parts, files } = JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')) as {
    readonly parts: readonly {
      readonly part: string;
      readonly dtype: string;
      readonly externalData: readonly string[];
    }[];
    readonly files: readonly { readonly path: string; readonly size: number }[];
  };
  const decoder = parts.find((entry) => entry.part === 'decoder' && entry.dtype === dtype);
  const file = files.find(({ path }) => decoder?.externalData.includes(path));
  if (file === undefined) throw new TypeError(`no ${dtype} weights in ${directory}`);
  return { path: join(directory, file.path), size: file.size };
}

export const loadingChecks: readonly Check[] = [
  {
    area: 'loading',
    name: 'a model that is not there gives MODEL_FILE_MISSING',
    runs: 'once',
    needsDirectory: true,
    run: async ({ backend, dtype, damaged }) => {
      const directory = join(await damaged(async () => {}), 'absent');
      await expectCode(() => backend.loadModel(directory, { dtype }), 'MODEL_FILE_MISSING', 'loadModel of no folder');
    },
  },
  {
    area: 'loading',
    name: 'a storage type that the model does not hold gives MODEL_DTYPE or BACKEND_UNSUPPORTED',
    runs: 'once',
    run: async ({ backend, source }) => {
      const from = await source('golden');
      const codes = ['MODEL_DTYPE', 'BACKEND_UNSUPPORTED'];
      await expectCode(() => backend.loadModel(from, { dtype: 'q4f16' }), codes, 'loadModel with dtype q4f16');
    },
  },
  {
    area: 'loading',
    name: 'a file that was cut gives MODEL_FILE_SIZE',
    runs: 'once',
    needsDirectory: true,
    run: async ({ backend, dtype, damaged }) => {
      const directory = await damaged(async (copy) => {
        const { path, size } = await someWeights(copy, dtype);
        await truncate(path, size - 1);
      });
      await expectCode(() => backend.loadModel(directory, { dtype }), 'MODEL_FILE_SIZE', 'loadModel');
    },
  },
  {
    area: 'loading',
    name: 'a manifest of something else gives MODEL_MANIFEST',
    runs: 'once',
    needsDirectory: true,
    run: async ({ backend, dtype, damaged }) => {
      const directory = await damaged((copy) => writeFile(join(copy, MANIFEST), '{"format":"other"}'));
      await expectCode(() => backend.loadModel(directory, { dtype }), 'MODEL_MANIFEST', 'loadModel');
    },
  },
  {
    area: 'loading',
    name: 'verify finds a byte that was changed',
    runs: 'once',
    needsDirectory: true,
    run: async ({ backend, dtype, damaged }) => {
      const directory = await damaged(async (copy) => {
        const { path, size } = await someWeights(copy, dtype);
        const file = await open(path, 'r+');
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, size - 1);
        await file.write(Buffer.of(byte[0]! ^ 1), 0, 1, size - 1);
        await file.close();
      });
      await expectCode(() => backend.loadModel(directory, { dtype, verify: true }), 'MODEL_CHECKSUM', 'loadModel');
    },
  },
  {
    area: 'loading',
    name: 'options outside their range give ARGUMENT_RANGE',
    runs: 'once',
    run: async ({ backend, dtype, source }) => {
      const from = await source('golden');
      for (const options of [{ threads: 0 }, { threads: 1.5 }, { prefillChunk: 0 }]) {
        const what = `loadModel with ${JSON.stringify(options)}`;
        await expectCode(() => backend.loadModel(from, { dtype, ...options }), 'ARGUMENT_RANGE', what);
      }
    },
  },
];
