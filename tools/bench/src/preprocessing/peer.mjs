// From a picture's file to patches in JavaScript: `node peer.mjs ours|sharp-cubic PICTURES.json ROUNDS SECONDS`.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { preprocess, toPatches } from '@pocketlens/preprocessing';
import sharp from 'sharp';
import { measure } from '../peer.mjs';

const [name, list, rounds, seconds] = process.argv.slice(2);

const PEERS = {
  async ours({ file }) {
    return (await preprocess(file, { mode: 'exact' })).slices;
  },
  /** libvips resizes with a cubic kernel of its own; the slices are cut and laid out by this repository's code. */
  async 'sharp-cubic'({ file, source, refined, columns, rows }) {
    const decoded = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const resize = async ([width, height]) => {
      const image = sharp(decoded.data, { raw: decoded.info }).resize(width, height, { kernel: 'cubic', fit: 'fill' });
      return { width, height, data: await image.raw().toBuffer() };
    };
    const [overview, whole] = [await resize(source), await resize(refined)];
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
const version = name === 'ours' ? name : `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
process.stdout.write(`${JSON.stringify({ version, results })}\n`);
