import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import { type OutputChunk, rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteTokens, writeRankFile } from '../test/tokenizer-file.js';

const SOURCE = import.meta.dirname;
/** The vocabulary is a text of 591,212 characters; everything else together is far shorter. */
const CODE_LIMIT = 100_000;

/** What browsers, workers, Node, Deno and Bun all have, and nothing that only some have. */
const webGlobals = {
  TextEncoder,
  TextDecoder,
  DecompressionStream,
  MessageChannel,
  AbortController,
  AbortSignal,
  atob,
  Uint8Array,
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-bundle-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Bundles a program for browsers. */
async function bundle(program: string, options: { isSingle?: boolean } = {}): Promise<OutputChunk[]> {
  const input = path.join(folder, 'program.js');
  await writeFile(input, program.replaceAll('SOURCE', SOURCE));
  const build = await rolldown({ input, platform: 'browser', external: [/^node:/, '@huggingface/jinja'] });
  const { output } = await build.generate({
    format: options.isSingle === true ? 'iife' : 'esm',
    ...(options.isSingle === true && { name: 'program', codeSplitting: false }),
  });
  await build.close();
  return output.filter((file) => file.type === 'chunk');
}

const totalLength = (chunks: readonly OutputChunk[]): number => chunks.reduce((sum, { code }) => sum + code.length, 0);

describe('a bundle for browsers', () => {
  it('with a vocabulary of its own does not hold that of Llama 3', async () => {
    const chunks = await bundle("export { Tokenizer } from 'SOURCE/index.ts';");
    expect(totalLength(chunks)).toBeLessThan(CODE_LIMIT);
    expect(chunks).toHaveLength(1);
  });

  it('with Llama 3 holds its vocabulary in a chunk of its own', async () => {
    const chunks = await bundle("export { Llama3Tokenizer } from 'SOURCE/index.ts';");
    const isVocabulary = ({ code }: OutputChunk): boolean => code.length > CODE_LIMIT;
    expect(chunks.filter(isVocabulary)).toHaveLength(1);
    expect(chunks.find(isVocabulary)?.isEntry).toBe(false);
    expect(totalLength(chunks.filter((chunk) => !isVocabulary(chunk)))).toBeLessThan(CODE_LIMIT);
  });

  it('of the default entry imports nothing, and runs where there is no Node', async () => {
    const [chunk, ...others] = await bundle("export * from 'SOURCE/index.ts';", { isSingle: true });
    expect(others).toEqual([]);
    const imports = [...(chunk?.imports ?? []), ...(chunk?.dynamicImports ?? [])];
    expect(imports.filter((file) => file !== chunk?.fileName)).toEqual([]);
    const sandbox = vm.createContext({ ...webGlobals });
    expect(vm.runInContext('[typeof process, typeof Buffer, typeof require]', sandbox)).toEqual(
      Array.from({ length: 3 }, () => 'undefined'),
    );
    vm.runInContext(chunk?.code ?? '', sandbox);
    const ids: unknown = await vm.runInContext(
      `program.Llama3Tokenizer.load().then(async (tokenizer) => {
        const ids = await tokenizer.encodeAsync('Hello, world! 你好 👋'.repeat(20_000));
        const stream = tokenizer.stream();
        return JSON.stringify([ids.slice(0, 4), tokenizer.decode(ids.slice(0, 4)), stream.push(57668) + stream.push(53901) + stream.end()]);
      })`,
      sandbox,
    );
    expect(ids).toBe(JSON.stringify([[9906, 11, 1917, 0], 'Hello, world!', '你好']));
  });

  it('of a program with its own vocabulary runs there as well', async () => {
    const [chunk] = await bundle("export { Tokenizer } from 'SOURCE/index.ts';", { isSingle: true });
    const sandbox = vm.createContext({ ...webGlobals, file: writeRankFile(byteTokens()) });
    vm.runInContext(chunk?.code ?? '', sandbox);
    const run = `program.Tokenizer.load(file).then((tokenizer) => tokenizer.encode('hi').join())`;
    expect(await vm.runInContext(run, sandbox)).toBe('104,105');
  });

  it('of chat templates holds Jinja only where it is installed, and no vocabulary', async () => {
    const chunks = await bundle("export { ChatTemplate } from 'SOURCE/chat-template.ts';");
    expect(totalLength(chunks)).toBeLessThan(CODE_LIMIT);
    expect(chunks.flatMap(({ imports }) => imports)).toEqual([]);
    expect(chunks.flatMap(({ dynamicImports }) => dynamicImports)).toEqual(['@huggingface/jinja']);
  });
});
