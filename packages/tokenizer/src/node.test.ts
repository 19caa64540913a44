import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteTokens, makeTokenizerFile, writeRankFile } from '../test/tokenizer-file.js';
import { loadTokenizerDirectory } from './node.js';

const config = {
  added_tokens_decoder: { '256': { content: '<s>', special: true }, '257': { content: '</s>', special: true } },
  bos_token: '<s>',
  eos_token: '</s>',
};

describe('loadTokenizerDirectory', () => {
  let root = '';
  const folder = async (name: string, files: Record<string, string>): Promise<string> => {
    const path = join(root, name);
    await mkdir(path);
    for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
    return path;
  };
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'pocketlens-tokenizer-'));
  });
  afterAll(() => rm(root, { recursive: true }));

  it('reads tokenizer.model with tokenizer_config.json', async () => {
    const path = await folder('model', {
      'tokenizer.model': writeRankFile(byteTokens()),
      'tokenizer_config.json': JSON.stringify(config),
    });
    for (const place of [path, pathToFileURL(path), join(path, 'tokenizer.model')]) {
      const tokenizer = await loadTokenizerDirectory(place);
      expect(tokenizer.encode('<s>a', { special: 'allow' })).toEqual([256, 97]);
      expect([tokenizer.bosId, tokenizer.eosId, tokenizer.vocabSize]).toEqual([256, 257, 258]);
    }
    const renamed = await loadTokenizerDirectory(path, { specialTokens: { '<t>': 256 } });
    expect([...renamed.specialTokens]).toEqual([['<t>', 256]]);
  });

  it('prefers tokenizer.json', async () => {
    const file = makeTokenizerFile([...byteTokens(), 'ab'], { ignoreMerges: false });
    const path = await folder('both', {
      'tokenizer.json': JSON.stringify({ ...file, added_tokens: [{ id: 300, content: '<x>', special: true }] }),
      'tokenizer.model': writeRankFile(byteTokens()),
    });
    const tokenizer = await loadTokenizerDirectory(path);
    expect(tokenizer.encode('ab<x>', { special: 'allow' })).toEqual([256, 300]);
  });

  it('says what is missing or damaged', async () => {
    const notFound = expect.objectContaining({ code: 'TOKENIZER_NOT_FOUND' });
    await expect(loadTokenizerDirectory(await folder('empty', {}))).rejects.toEqual(notFound);
    await expect(loadTokenizerDirectory(join(root, 'nowhere'))).rejects.toEqual(notFound);
    const damaged = expect.objectContaining({ code: 'TOKENIZER_FORMAT' });
    const model = writeRankFile(byteTokens());
    for (const [name, text] of [
      ['cut', '{"a'],
      ['number', '7'],
    ] as const) {
      const path = await folder(name, { 'tokenizer.model': model, 'tokenizer_config.json': text });
      await expect(loadTokenizerDirectory(path)).rejects.toEqual(damaged);
    }
  });
});
