import { readFileSync } from 'node:fs';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN, goldenImages, sha256 } from '../test/golden.js';
import type * as browser from './browser.js';
import * as node from './index.js';

const folder = new URL('..', import.meta.url).pathname;

interface Manifest {
  readonly exports: { readonly '.': { readonly browser: { readonly default: string } } };
}

/** Source of the entry that bundlers for browsers find in package.json. */
const entryOf = (manifest: Manifest): string =>
  manifest.exports['.'].browser.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts');

const manifest = JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as Manifest;

let bundle = '';
let inputs: string[] = [];

beforeAll(async () => {
  // For a browser esbuild resolves no Node module: one import of them would fail the build.
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: folder,
    entryPoints: [entryOf(manifest)],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'preprocessing',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  expect(warnings).toEqual([]);
  bundle = outputFiles[0]!.text;
  inputs = Object.keys(metafile.inputs);
});

/** The bundle in a world of its own that has what a page has, as far as the package asks for it, and nothing of Node. */
const load = (globals: object = {}): typeof browser => {
  const world = createContext({ atob, performance, setTimeout, Blob, URL, AbortController, AbortSignal, ...globals });
  return new Script(`${bundle}; preprocessing`).runInContext(world) as typeof browser;
};

describe('the bundle for browsers', () => {
  it('holds no module of Node, no sharp and no way to files', () => {
    expect(inputs.filter((file) => /sharp|node-file|platform-node/.test(file))).toEqual([]);
    expect(bundle).not.toMatch(/node:|\brequire\(|\bimport\(|\bprocess\b|sharp/);
  });

  it('offers what the entry for Node offers', () => {
    expect(Object.keys(load()).toSorted()).toEqual(Object.keys(node).toSorted());
  });

  it.each([['with', {}] as const, ['without', { WebAssembly: undefined }] as const])(
    'cuts the same slices %s WebAssembly',
    async (_, globals) => {
      const page = load(globals);
      for (const golden of goldenImages.filter(({ size: [width, height] }) => width * height < 400_000).slice(0, 6)) {
        const image = await node.decodeImage(`${GOLDEN}images/${golden.file}`, { mode: 'exact' });
        expect(page.sliceImage(image).map(({ data }) => sha256(data))).toEqual(
          golden.slices.map((slice) => slice.rgb_sha256),
        );
        const { slices } = await page.preprocess(image);
        expect(slices.map(({ pixelValues }) => sha256(pixelValues))).toEqual(
          golden.slices.map((slice) => slice.tensor_sha256),
        );
      }
    },
  );

  it('decodes GIF and BMP itself', async () => {
    const page = load();
    for (const name of ['animated.gif', 'bmp_rgb.bmp']) {
      const bytes = new Uint8Array(readFileSync(`${GOLDEN}images/${name}`));
      const expected = await node.decodeImage(bytes);
      const { width, height, data } = await page.decodeImage(new Blob([bytes]));
      expect([width, height, sha256(data)]).toEqual([expected.width, expected.height, sha256(expected.data)]);
    }
  });

  it('says that there are no files', async () => {
    await expect(load().decodeImage('picture.png')).rejects.toMatchObject({
      code: 'ARGUMENT_TYPE',
      hint: 'Fetch it yourself, within bounds of your own, and pass the bytes',
    });
  });
});
