import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN, PILLOW } from '../../test/golden.js';
import { crc32Of, pngChunk, pngFile, pngWithHeader } from '../../test/png.js';
import { InvalidImageError } from '../errors.js';
import { decodeImage } from '../index.js';
import type { DecodeOptions } from './decode-image.js';
import { readImageHeader } from './image-header.js';
import type { ImageInput } from './image-input.js';
import { loadSharp } from './sharp-decoder.js';

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(`${GOLDEN}images/${name}`));

const refusal = async (input: ImageInput, options?: DecodeOptions): Promise<InvalidImageError> => {
  const error: unknown = await decodeImage(input, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InvalidImageError);
  return error as InvalidImageError;
};

/** As many frames as asked for, of one pixel each, in the colours of the GIF's table. */
const framesOfGif = (gif: Uint8Array, count: number): Uint8Array[] => {
  const codeBits = (gif[10]! & 7) + 1;
  const frame = Uint8Array.of(0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, Math.max(2, codeBits), 1, 0, 0);
  return Array.from({ length: count }, () => frame);
};

/** An animated WebP with its last frame many times more. */
const repeatLastFrame = (webp: Uint8Array, count: number): Uint8Array => {
  const file = Buffer.from(webp);
  const frame = file.subarray(file.lastIndexOf('ANMF'));
  const longer = Buffer.concat([file, ...Array.from({ length: count }, () => frame)]);
  longer.writeUInt32LE(longer.length - 8, 4);
  return new Uint8Array(longer);
};

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pocketlens-decode-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bad pictures', () => {
  it('refuses no bytes', async () => {
    const error = await refusal(new Uint8Array());
    expect(error).toMatchObject({ name: 'InvalidImageError', code: 'IMAGE_EMPTY' });
    expect(error.message).toContain('0 bytes');
  });

  it('refuses text that calls itself .png, with its first bytes', async () => {
    const path = join(folder, 'note.png');
    writeFileSync(path, 'Dear all, this is not a picture.');
    const error = await refusal(path);
    expect(error.code).toBe('IMAGE_FORMAT');
    expect(error.message).toBe(
      'Expected PNG, JPEG, WebP, GIF, BMP but the file begins with the bytes 44 65 61 72 20 61 6c 6c',
    );
  });

  it.each([
    'wide_1800x1000.jpg',
    'odd_777x333.jpg',
    'square_1344.png',
    'webp_lossy.webp',
    'animated.gif',
    'bmp_rgb.bmp',
  ])('refuses %s cut in half, with format and size', async (name) => {
    const bytes = read(name);
    const half = bytes.subarray(0, bytes.length >> 1);
    for (const mode of ['natural', 'exact'] as const) {
      // The first of three frames ends before the middle of the GIF.
      const cut = name === 'animated.gif' ? bytes.subarray(0, bytes.length >> 3) : half;
      const error = await refusal(cut, { mode });
      expect(error.code).toBe('IMAGE_TRUNCATED');
      expect(error.message).toMatch(/^The (PNG|JPEG|WebP|GIF|BMP) /);
      expect(error.message).toContain(`${cut.length}`);
    }
  });

  it.each(['jpeg_422.jpg', 'grey_L.png', 'webp_lossy.webp', 'animated.gif', 'bmp_rgb.bmp'])(
    'refuses %s cut within its header',
    async (name) => {
      for (const length of [8, 14, 17, 22]) {
        const error = await refusal(read(name).subarray(0, length));
        expect(['IMAGE_TRUNCATED', 'IMAGE_FORMAT']).toContain(error.code);
      }
    },
  );

  it.each([
    [60_000, 60_000, '3600 Mpx, limit 120 Mpx'],
    [80_000, 80_000, '6400 Mpx, limit 120 Mpx'],
    [11_001, 11_000, '121 Mpx, limit 120 Mpx'],
    [2_000_000_000, 2_000_000_000, 'limit 120 Mpx'],
  ])('refuses a PNG header of %d x %d before decoding', async (width, height, words) => {
    const started = performance.now();
    const error = await refusal(pngWithHeader(width, height, 200));
    expect(performance.now() - started).toBeLessThan(100);
    expect(error.code).toBe('IMAGE_TOO_LARGE');
    expect(error.message).toContain(words);
    expect(error.message).toContain(`${width} x ${height}`);
    expect(error.details).toMatchObject({ format: 'png', width, height });
  });

  it('refuses the header of a huge JPEG, GIF, BMP and WebP as well', async () => {
    const huge = (name: string, at: number, bytes: readonly number[]): Uint8Array => {
      const file = read(name);
      file.set(bytes, at);
      return file;
    };
    const jpeg = read('jpeg_422.jpg');
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    const files = [
      huge('jpeg_422.jpg', frame + 5, [0xff, 0xff, 0xff, 0xff]),
      huge('animated.gif', 6, [0xff, 0xff, 0xff, 0xff]),
      huge('bmp_rgb.bmp', 18, [0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]),
      huge('webp_lossy.webp', 26, [0xff, 0x3f, 0xff, 0x3f]),
    ];
    for (const file of files) expect((await refusal(file)).code).toBe('IMAGE_TOO_LARGE');
  });

  it('holds to limits that the caller sets', async () => {
    const bytes = read('jpeg_422.jpg');
    expect((await refusal(bytes, { maxPixels: 1000 })).message).toBe(
      'The picture of 600 x 420 has 0.252 Mpx, limit 0.001 Mpx',
    );
    expect((await refusal(bytes, { maxSide: 599 })).code).toBe('IMAGE_TOO_LARGE');
    expect((await refusal(bytes, { maxBytes: 999 })).message).toContain('limit 999');
    expect((await refusal(new Blob([new Uint8Array(bytes)]), { maxBytes: 999 })).code).toBe('IMAGE_TOO_LARGE');
    expect((await refusal(`${GOLDEN}images/jpeg_422.jpg`, { maxBytes: 999 })).code).toBe('IMAGE_TOO_LARGE');
    await expect(
      decodeImage(bytes, { maxPixels: 252_000, maxSide: 600, maxBytes: bytes.length }),
    ).resolves.toBeDefined();
    await expect(decodeImage(bytes, { maxPixels: Infinity })).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });

  it.each([
    [0, 480],
    [640, 0],
  ])('refuses %d x %d', async (width, height) => {
    const error = await refusal(pngWithHeader(width, height, 200));
    expect(error.code).toBe('IMAGE_FORMAT');
    expect(error.message).toContain(`${width} x ${height}`);
  });

  it('refuses a wrong checksum and names the chunk', async () => {
    const bytes = pngFile(40, 30);
    const at = Buffer.from(bytes).indexOf('IDAT');
    for (const flipped of [at + 20, bytes.length - 16]) {
      const damaged = bytes.slice();
      damaged[flipped]! ^= 0x40;
      const error = await refusal(damaged);
      expect(error.code).toBe('IMAGE_FORMAT');
      expect(error.message).toContain('checksum of chunk IDAT is wrong');
    }
  });

  it('refuses pixel data that goes far beyond the rows', async () => {
    const error = await refusal(pngFile(10, 10, { extraRawBytes: 50_000_000 }));
    expect(error.code).toBe('IMAGE_FORMAT');
    expect(error.message).toMatch(/^The PNG of 10 x 10 holds \d+ bytes of pixel data/);
  });

  it.each([
    ['SVG', '<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', 'rsvg-convert'],
    ['SVG', '  <svg width="10" height="10"></svg>', 'rsvg-convert'],
    ['PDF', '%PDF-1.7\n%\xe2\xe3', 'pdftoppm'],
    ['TIFF', 'II*\0\x08\0\0\0', 'magick'],
    ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0', 'heif-convert'],
    ['AVIF', '\0\0\0\x18ftypavif\0\0\0\0', 'avifdec'],
  ])('refuses %s and says which tool makes a PNG', async (format, content, tool) => {
    const error = await refusal(Uint8Array.from(content, (character) => character.charCodeAt(0)));
    expect(error.code).toBe('IMAGE_FORMAT');
    expect(error.message).toContain(`${format} is not decoded (`);
    expect(error.hint).toContain(tool);
  });

  it('decodes a PNG with a ZIP behind it as the PNG', async () => {
    const bytes = pngFile(20, 10);
    const polyglot = new Uint8Array([...bytes, ...text('PK\u0003\u0004 and more')]);
    expect(await decodeImage(polyglot)).toEqual(await decodeImage(bytes));
  });

  it.each(['wide_1800x1000.jpg', 'square_1344.png'])(
    "takes what is left of %s with failOn 'none', and tells",
    async (name) => {
      const [whole, bytes] = [await decodeImage(read(name), { mode: 'exact' }), read(name)];
      const cut = bytes.subarray(0, bytes.length >> 1);
      const { width, height, data, warnings } = await decodeImage(cut, { mode: 'exact', failOn: 'none' });
      expect([width, height, data.length]).toEqual([whole.width, whole.height, whole.data.length]);
      expect(warnings.map(({ code }) => code)).toEqual(['IMAGE_TRUNCATED']);
      expect(warnings[0]!.message).toContain(`is cut short after ${cut.length} bytes`);
      const kept = Math.floor(data.length / 4);
      expect(Buffer.compare(data.subarray(0, kept), whole.data.subarray(0, kept))).toBe(0);
    },
  );

  it("refuses with failOn 'none' what holds nothing, or is damaged within", async () => {
    const png = pngFile(40, 30);
    expect((await refusal(png.subarray(0, 36), { failOn: 'none' })).code).toBe('IMAGE_TRUNCATED');
    png[Buffer.from(png).indexOf('IDAT') + 20]! ^= 0x40;
    expect((await refusal(png, { failOn: 'none' })).code).toBe('IMAGE_FORMAT');
    // libvips decodes no part of a WebP.
    expect((await refusal(read('webp_lossy.webp').subarray(0, 3000), { failOn: 'none' })).code).toBe('IMAGE_TRUNCATED');
    expect((await refusal(read('bmp_rgb.bmp').subarray(0, 900), { failOn: 'none' })).code).toBe('IMAGE_TRUNCATED');
    const options = { failOn: 'warning' } as unknown as DecodeOptions;
    await expect(decodeImage(png, options)).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });

  it('reads one frame of ten thousand', async () => {
    const gif = read('animated.gif');
    const webp = new Uint8Array(readFileSync(`${PILLOW}files/animated.webp`));
    const manyGifs = Buffer.concat([gif.subarray(0, -1), ...framesOfGif(gif, 10_000), Uint8Array.of(0x3b)]);
    const manyWebps = repeatLastFrame(webp, 10_000);
    for (const [few, many] of [
      [gif, manyGifs],
      [webp, manyWebps],
    ] as const) {
      const { warnings, ...first } = await decodeImage(few);
      const image = await decodeImage(many);
      expect(Buffer.compare(image.data, first.data)).toBe(0);
      expect(image.warnings).toEqual(warnings);
      expect(warnings.map(({ code }) => code)).toEqual(['IMAGE_FIRST_FRAME_ONLY']);
    }
  });

  it('keeps the words of the decoder in the cause', async () => {
    const error = await refusal(read('square_1344.png').subarray(0, 3000));
    expect(error.message).not.toMatch(/vips|libpng/i);
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe('where pictures come from', () => {
  const name = `${GOLDEN}images/small_noise.png`;

  it('reads a path, a file: URL, a file: string, bytes, an ArrayBuffer and a Blob alike', async () => {
    const bytes = read('small_noise.png');
    const url = pathToFileURL(name);
    const buffer = Uint8Array.from(bytes).buffer;
    const expected = await decodeImage(bytes);
    for (const input of [name, url, url.href, Buffer.from(bytes), buffer, new Blob([buffer])]) {
      expect(await decodeImage(input)).toEqual(expected);
    }
  });

  it('decodes the bytes as they were at the call', async () => {
    const bytes = read('small_noise.png');
    const pending = decodeImage(bytes);
    bytes.fill(0);
    expect(await pending).toEqual(await decodeImage(name));
  });

  it('says that a file is missing, a folder, or not a file', async () => {
    const missing = await refusal(join(folder, 'nowhere.png'));
    expect(missing.code).toBe('IMAGE_NOT_FOUND');
    expect(missing.message).toContain('nowhere.png": there is no such file');
    expect((await refusal(join(name, 'inside.png'))).code).toBe('IMAGE_NOT_FOUND');
    const directory = await refusal(folder);
    expect(directory.code).toBe('IMAGE_NOT_A_FILE');
    expect(directory.message).toContain('is a folder');
    expect((await refusal('/dev/null')).code).toBe('IMAGE_NOT_A_FILE');
  });

  it('takes a colon in a name as part of the name, and no zero byte', async () => {
    const path = join(folder, 'scan:1.png');
    writeFileSync(path, read('small_noise.png'));
    expect(await decodeImage(path)).toEqual(await decodeImage(name));
    expect((await refusal('scan:2.png')).code).toBe('IMAGE_NOT_FOUND');
    expect((await refusal('zero\0byte.png')).code).toBe('IMAGE_UNREADABLE');
  });

  it('does not wait for the writer of a pipe', async () => {
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    expect((await refusal(pipe)).code).toBe('IMAGE_NOT_A_FILE');
  });

  it('refuses an empty file', async () => {
    const path = join(folder, 'empty.png');
    writeFileSync(path, '');
    expect((await refusal(path)).code).toBe('IMAGE_EMPTY');
  });

  it.each(['https://example.org/cat.png', 'data:image/png;base64,AAAA', 'file://elsewhere/cat.png', 'HTTP://[x'])(
    'fetches nothing: %s',
    async (url) => {
      await expect(decodeImage(url)).rejects.toMatchObject({ name: 'InvalidArgumentError', code: 'ARGUMENT_RANGE' });
    },
  );

  it('refuses what is no picture at all', async () => {
    // A caller without types can pass anything.
    for (const input of [undefined, null, 5, {}]) {
      await expect(decodeImage(input as unknown as ImageInput)).rejects.toMatchObject({ code: 'ARGUMENT_TYPE' });
    }
    const options = { mode: 'pretty' } as unknown as DecodeOptions;
    await expect(decodeImage(name, options)).rejects.toMatchObject({ code: 'ARGUMENT_RANGE' });
  });

  it('stops at once when aborted', async () => {
    const controller = new AbortController();
    const pending = decodeImage(`${GOLDEN}images/square_1344.png`, { signal: controller.signal });
    controller.abort('no more');
    await expect(pending).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: 'no more' });
    await expect(decodeImage(name, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('says how to get the decoder when it is not installed', async () => {
    await expect(loadSharp('a-decoder-that-nobody-has')).rejects.toMatchObject({
      name: 'ImageDecoderMissingError',
      code: 'IMAGE_DECODER_MISSING',
      hint: 'Install it: npm install sharp',
    });
  });
});

describe('readImageHeader', () => {
  it.each([
    ['wide_1800x1000.jpg', { format: 'jpeg', width: 1800, height: 1000, channels: 3, bitDepth: 8, isAnimated: false }],
    ['odd_777x333.jpg', { format: 'jpeg', width: 777, height: 333, channels: 3 }],
    ['cmyk.jpg', { format: 'jpeg', channels: 4 }],
    ['grey_16bit.png', { format: 'png', channels: 1, bitDepth: 16 }],
    ['alpha_la.png', { format: 'png', channels: 2, bitDepth: 8 }],
    ['webp_lossy.webp', { format: 'webp', width: 420, height: 310, channels: 3 }],
    ['webp_lossless_alpha.webp', { format: 'webp', width: 150, height: 110, channels: 4 }],
    ['animated.gif', { format: 'gif', width: 200, height: 140, isAnimated: true }],
    ['bmp_rgb.bmp', { format: 'bmp', width: 97, height: 65, channels: 3 }],
  ])('reads %s', (name, expected) => {
    expect(readImageHeader(read(name))).toMatchObject(expected);
  });

  it('sees the animation of a WebP', () => {
    expect(readImageHeader(readFileSync(`${PILLOW}files/animated.webp`)).isAnimated).toBe(true);
  });
});

it('computes the checksum of the PNG specification', () => {
  // Known value: the checksum of an IEND chunk.
  expect(crc32Of(text('IEND'))).toBe(0xae426082);
  expect(pngChunk('IEND', new Uint8Array())).toHaveLength(12);
});
