import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, golden, picture, temporaryFolder, writeBadPictures } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

interface Expected {
  readonly file: string;
  readonly size: readonly [number, number];
  readonly lossless: boolean;
  readonly plan: { readonly grid: readonly [number, number] | null };
  readonly slices: readonly {
    readonly size: readonly [number, number];
    readonly tgt_size: readonly [number, number];
    readonly rgb_sha256: string;
    readonly tensor_sha256: string;
  }[];
}

const images = path.join(golden, 'preprocessing', 'images');
let folder: Folder;
let expected: readonly Expected[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  const text = await readFile(path.join(golden, 'preprocessing', 'expected.json'), 'utf8');
  expected = (JSON.parse(text) as { images: Expected[] }).images.filter(({ lossless }) => lossless).slice(0, 12);
});
afterAll(() => folder.remove());

describe('slice --exact --json', () => {
  it('prints the golden plans and the golden hashes, one line a picture', async () => {
    const files = expected.map(({ file }) => path.join(images, file));
    const { code, stdout } = await pocketlens(['slice', '--exact', '--json', ...files]);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual(
      expected.map(({ size, plan, slices }, index) => {
        const [source, ...cells] = slices.map((slice) => ({
          width: slice.size[0],
          height: slice.size[1],
          patchGrid: slice.tgt_size,
          sha256: slice.rgb_sha256,
        }));
        const [columns = 1] = plan.grid ?? [];
        return {
          file: files[index],
          width: size[0],
          height: size[1],
          grid: plan.grid,
          source,
          slices: cells.map((cell, at) => ({ row: Math.floor(at / columns), col: at % columns, ...cell })),
          visionTokens: 96 * slices.length,
          placeholder: expect.stringMatching(/^<image>(<unk>){96}<\/image>/),
        };
      }),
    );
  });

  it('writes one placeholder for every vision token', async () => {
    const { stdout } = await pocketlens(['slice', '--json', path.join(images, 'wide_1800x1000.jpg')]);
    const [line] = jsonLines(stdout) as { placeholder: string; visionTokens: number; grid: [number, number] }[];
    const { placeholder = '', visionTokens, grid: [columns, rows] = [0, 0] } = line ?? {};
    expect(placeholder.match(/<unk>/g)).toHaveLength(visionTokens ?? 0);
    expect(placeholder.match(/\n/g)).toHaveLength(rows - 1);
    expect(placeholder.match(/<image>/g)).toHaveLength(1 + columns * rows);
  });
});

describe('slice', () => {
  it('writes the slices and the preview as pictures of the sizes it says', async () => {
    const out = path.join(folder.path, 'slices');
    const preview = path.join(folder.path, 'preview.png');
    const file = path.join(images, 'square_1344.png');
    const { code, stdout } = await pocketlens(['slice', file, '--out', out, '--preview', preview]);
    expect(code).toBe(0);
    expect(stdout).toContain('3 columns x 3 rows');
    expect(await sharp(path.join(out, 'square_1344.overview.png')).metadata()).toMatchObject({
      width: 448,
      height: 448,
    });
    expect(await sharp(path.join(out, 'square_1344.row2-col2.png')).metadata()).toMatchObject({
      width: 448,
      height: 448,
    });
    const drawn = await sharp(preview).metadata();
    expect(drawn.width).toBeGreaterThan(1200);
    expect(drawn.height).toBeGreaterThan(1200);
  });

  it('writes one page with the slices of all pictures', async () => {
    const sheet = path.join(folder.path, 'sheet.html');
    const odd = path.join(folder.path, 'a<b>&.png');
    await copyFile(path.join(images, 'small_noise.png'), odd);
    const { code, stderr } = await pocketlens(['slice', path.join(images, 'square_1344.png'), odd, '--sheet', sheet]);
    expect([code, stderr]).toEqual([0, `sheet: ${sheet}\n`]);
    const html = await readFile(sheet, 'utf8');
    expect(html).toContain('<h1>a&lt;b&gt;&amp;.png</h1>');
    expect(html).toContain('3 × 3 cells of 448 × 448');
    const pictures = [...html.matchAll(/src="data:image\/png;base64,([^"]+)" width="(\d+)" height="(\d+)"/g)];
    expect(pictures).toHaveLength(10 + 1);
    for (const [, base64 = '', width, height] of pictures) {
      const drawn = await sharp(Buffer.from(base64, 'base64')).metadata();
      expect([drawn.width, drawn.height]).toEqual([Number(width), Number(height)]);
    }
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
  });

  it('slices as a model does that has a config.json only', async () => {
    const model = path.join(folder.path, 'minicpm-v-2');
    await mkdir(model, { recursive: true });
    const config = { query_num: 64, max_slice_nums: 4, scale_resolution: 448, patch_size: 14, slice_mode: true };
    await writeFile(path.join(model, 'config.json'), JSON.stringify(config));
    const { stdout } = await pocketlens(['slice', '--json', '--model', model, path.join(images, 'square_1344.png')]);
    expect(jsonLines(stdout)).toEqual([expect.objectContaining({ grid: [2, 2], visionTokens: 5 * 64 })]);
  });

  it('obeys --max-slices', async () => {
    const file = path.join(images, 'square_1344.png');
    const { stdout } = await pocketlens(['slice', '--json', '--max-slices', '4', file]);
    expect(jsonLines(stdout)).toEqual([expect.objectContaining({ grid: [2, 2] })]);
  });
});

describe('preprocess', () => {
  it('writes the golden tensors', async () => {
    const out = path.join(folder.path, 'inputs.safetensors');
    const files = expected.map(({ file }) => path.join(images, file));
    expect(await pocketlens(['preprocess', '--exact', '--out', out, ...files])).toMatchObject({ code: 0 });
    const bytes = await readFile(out);
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    >;
    const data = (name: string): Buffer =>
      bytes.subarray(...(header[name]?.data_offsets.map((at) => at + 8 + headerBytes) ?? [0, 0]));
    for (const [imageIndex, { slices }] of expected.entries()) {
      for (const [
        sliceIndex,
        {
          tgt_size: [rows, columns],
          tensor_sha256: hash,
        },
      ] of slices.entries()) {
        const name = `${imageIndex}.${sliceIndex}.pixel_values`;
        expect(header[name]).toMatchObject({ dtype: 'F32', shape: [3, 14, 14 * rows * columns] });
        expect(createHash('sha256').update(data(name)).digest('hex')).toBe(hash);
      }
    }
    const grids = expected.flatMap(({ slices }) => slices.flatMap((slice) => slice.tgt_size));
    expect(header['patch_grids']).toMatchObject({ dtype: 'I32', shape: [grids.length / 2, 2] });
    expect(Array.from(grids, (_, index) => data('patch_grids').readInt32LE(index * 4))).toEqual(grids);
  });
});

describe('a bad picture', () => {
  it.each(['slice', 'preprocess', 'ask'])('gets one clear line from %s', async (command) => {
    const place = await temporaryFolder();
    const rest =
      { slice: [], preprocess: ['--out', path.join(place.path, 'x.safetensors')], ask: ['-p', 'What is it?'] }[
        command
      ] ?? [];
    for (const [what, file] of await writeBadPictures(place.path)) {
      const { code, stdout, stderr } = await pocketlens([command, file, ...rest]);
      expect(code, what).toBe(1);
      expect(stdout, what).toBe('');
      expect(stderr, what).toMatch(/^error: .+\n(?: {7}.+\n)?$/);
      expect(stderr, what).toContain(path.basename(file));
    }
    await place.remove();
  });

  it('is one JSON object with --json', async () => {
    const file = path.join(folder.path, 'absent.png');
    const { code, stdout } = await pocketlens(['slice', '--json', picture, file]);
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toEqual([{ error: { code: 'FILE_NOT_FOUND', message: `${file}: no such image` } }]);
  });
});
