// From a picture's file to patches in JavaScript: `node peer.mjs ours|sharp-cubic|jimp PICTURES.json ROUNDS SECONDS`.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { preprocess, toPatches } from '@pocketlens/preprocessing';
import sharp from 'sharp';
import { measure } from '../peer.mjs';

const [name, list, rounds, seconds] = process.argv.slice(2);

/** Cuts and lays out what another library resized, by this repository's code. */
function slicesOf(overview, whole, { columns, rows }) {
  const [width, height] = [whole.width / columns, whole.height / rows];
  const slices = [overview];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const data = new Uint8Array(3 * width * height);
      for (let y = 0; y < height; y++) {
        const start = 3 * ((row * height + y) * whole.width + column * width);
        data.set(whole.data.subarray(start, start + 3 * width), 3 * y * width);
      }
      slices.push({ width, height, data });
    }
  }
  return slices.map((slice) => toPatches(slice));
}

const PEERS = {
  async ours({ file }) {
    return (await preprocess(file, { mode: 'exact' })).slices;
  },
  /** libvips resizes with a cubic kernel of its own. */
  async 'sharp-cubic'(picture) {
    const decoded = await sharp(picture.file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const resize = async ([width, height]) => {
      const image = sharp(decoded.data, { raw: decoded.info }).resize(width, height, { kernel: 'cubic', fit: 'fill' });
      return { width, height, data: await image.raw().toBuffer() };
    };
    return slicesOf(await resize(picture.source), await resize(picture.refined), picture);
  },
  /** Decoder and resizer in plain JavaScript. */
  async jimp(picture) {
    const { Jimp, ResizeStrategy } = await import('jimp');
    const image = await Jimp.read(picture.file);
    const resize = ([w, h]) => {
      const { bitmap } = image.clone().resize({ w, h, mode: ResizeStrategy.BICUBIC });
      const data = new Uint8Array(3 * w * h);
      for (let at = 0; at < w * h; at++) data.set(bitmap.data.subarray(4 * at, 4 * at + 3), 3 * at);
      return { width: w, height: h, data };
    };
    return slicesOf(resize(picture.source), resize(picture.refined), picture);
  },
};

const results = [];
for (const picture of JSON.parse(await readFile(list, 'utf8'))) {
  let slices;
  const work = async () => void (slices = await PEERS[name](picture));
  const time = await measure(work, { count: Number(rounds), seconds: Number(seconds) });
  const hash = createHash('sha256');
  for (const { pixelValues } of slices) hash.update(pixelValues);
  results.push({ picture: picture.name, digest: hash.digest('hex'), ...time });
}
const VERSIONS = {
  ours: name,
  'sharp-cubic': `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`,
  jimp: `jimp ${JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')).dependencies.jimp}`,
};
process.stdout.write(`${JSON.stringify({ version: VERSIONS[name], results })}\n`);
