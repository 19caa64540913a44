// Preprocesses 2,000 pictures of ten kinds and prints memory: `npm run build && npm run soak`. Fails when its floor is more than 5 %
// higher in the second half than in the first.
import { readFileSync } from 'node:fs';
import { isPocketlensError, preprocess } from '../dist/index.js';

const PICTURES = 2000;
const folder = new URL('../../../tools/golden/preprocessing/images/', import.meta.url);
const FILES = [
  'jpeg_422.jpg',
  'odd_777x333.jpg',
  'cmyk.jpg',
  'grey_L.png',
  'grey_16bit.png',
  'palette_trns_bytes.png',
  'webp_lossy.webp',
  'webp_lossless_alpha.webp',
  'animated.gif',
  'bmp_rgb.bmp',
].map((name) => new Uint8Array(readFileSync(new URL(name, folder))));

const megabytes = (bytes) => Math.round(bytes / 1e6);

const used = [];
for (let done = 0; done < PICTURES; done++) {
  const bytes = FILES[done % FILES.length];
  // Every fifth picture is cut short.
  const isCut = done % 5 === 4;
  const outcome = await preprocess(isCut ? bytes.subarray(0, bytes.length >> 2) : bytes).catch((error) => error);
  if (outcome instanceof Error && !(isCut && isPocketlensError(outcome))) throw outcome;
  if ((done + 1) % (PICTURES / 8) !== 0) continue;
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  used.push({ heap: heapUsed + external, rss });
  process.stdout.write(
    `${done + 1} pictures: ${megabytes(heapUsed + external)} MB used, ${megabytes(rss)} MB resident\n`,
  );
}
// A leak raises the floor; what lies above it is garbage not yet collected.
const floor = (parts, name) => Math.min(...parts.map((part) => part[name]));
const [before, after] = [used.slice(1, used.length / 2), used.slice(used.length / 2)];
if (['heap', 'rss'].some((name) => floor(after, name) > floor(before, name) * 1.05)) {
  process.stderr.write('Memory grew\n');
  process.exitCode = 1;
}
