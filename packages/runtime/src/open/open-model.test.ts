import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendV1 } from '@pocketlens/backend';
import { DirectorySource, onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { makeChatModel } from '../../test/chat-model.js';
import { openModel } from '../index.js';

describe('openModel', () => {
  let whole: string;
  let root: string;
  let cleanUp: () => Promise<void>;

  beforeAll(async () => {
    const { directory, remove } = await makeChatModel();
    whole = directory;
    cleanUp = remove;
    root = await mkdtemp(join(tmpdir(), 'pocketlens-open-'));
  });

  afterAll(async () => {
    await cleanUp();
    await rm(root, { recursive: true });
  });

  it('says that there is no such model, and which names there are', async () => {
    await expect(openModel(join(root, 'nowhere'))).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
      details: { known: ['tiny'] },
    });
    await expect(openModel(join(whole, 'config.json'))).rejects.toThrow(/it is a file/);
  });

  it('names the damaged file', async () => {
    const damage: readonly (readonly [string, string, string])[] = [
      ['generation_config.json', '{"eos_token_id": "x"}', 'MODEL_CONFIG'],
      ['generation_config.json', '{', 'MODEL_CONFIG'],
      ['tokenizer.model', 'cut', 'MODEL_FILE_SIZE'],
      ['config.json', '', 'MODEL_CONFIG'],
    ];
    for (const [index, [file, content, code]] of damage.entries()) {
      const directory = join(root, String(index));
      await cp(whole, directory, { recursive: true });
      await writeFile(join(directory, file), content);
      const opening = openModel(directory, { threads: 1 });
      await expect(opening).rejects.toMatchObject({ code });
      await expect(opening).rejects.toThrow(file);
    }
  });

  it('opens any source, with any backend, and tells what it opened', async () => {
    const model = await openModel(new DirectorySource(whole), {
      backend: onnxruntimeNode({ threads: 1 }),
      contextLength: 64,
    });
    expect(model).toMatchObject({ contextLength: 64, dtype: 'fp32', warnings: [], config: { version: '2.5' } });
    expect(model.loadMs).toBeGreaterThan(0);
    await model.dispose();
    await model.dispose();
  });

  it('answers the same with little memory', async () => {
    const content = [{ type: 'image', image: { width: 20, height: 20, data: new Uint8Array(1200) } }] as const;
    const answers = [];
    for (const memory of ['normal', 'low'] as const) {
      const model = await openModel(whole, { threads: 1, memory });
      answers.push((await model.generate([{ role: 'user', content }], { maxNewTokens: 8 })).tokenIds);
      await model.dispose();
    }
    expect(answers[1]).toEqual(answers[0]);
  });

  it('refuses caches of less than nothing before anything is loaded', async () => {
    await expect(openModel(join(root, 'nowhere'), { cache: { sequences: -1 } })).rejects.toMatchObject({
      code: 'ARGUMENT_RANGE',
    });
  });

  it('disposes the weights when the rest cannot be opened', async () => {
    const real = onnxruntimeNode({ threads: 1 });
    let isDisposed = false;
    const backend: BackendV1 = {
      ...real,
      loadModel: async (source, options) => {
        const model = await real.loadModel(source, options);
        const dispose = model.dispose.bind(model);
        return Object.assign(model, { dispose: () => ((isDisposed = true), dispose()) });
      },
    };
    await expect(openModel(whole, { backend, contextLength: 8193 })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
    expect(isDisposed).toBe(true);
  });

  it('stops the generation at the end tokens of all settings files', async () => {
    const directory = join(root, 'stop');
    await cp(whole, directory, { recursive: true });
    const question = [{ role: 'user', content: 'Go.' }] as const;
    const plain = await openModel(directory, { threads: 1 });
    const { tokenIds } = await plain.generate(question, { maxNewTokens: 10 });
    await plain.dispose();
    const end = tokenIds[4]!;
    const settings = JSON.parse(await readFile(join(directory, 'generation_config.json'), 'utf8')) as object;
    await writeFile(
      join(directory, 'generation_config.json'),
      JSON.stringify({ ...settings, eos_token_id: [257, end] }),
    );
    const stopping = await openModel(directory, { threads: 1 });
    const stopped = await stopping.generate(question, { maxNewTokens: 10 });
    expect(stopped).toMatchObject({ finishReason: 'stop', tokenIds: tokenIds.slice(0, tokenIds.indexOf(end)) });
    await stopping.dispose();
  });
});
