// Made-up pictures, always the same: waves with noise, as JPEG and PNG.
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { planSlices } from '@pocketlens/preprocessing';
import sharp from 'sharp';

const SIZES = [
  [1344, 1344],
  [1800, 1000],
  [4000, 3000],
];

function pixels(width, height) {
  const data = new Uint8Array(3 * width * height);
  let state = width;
  for (let index = 0; index < data.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / (3 * width))];
    data[index] = 128 + 60 * Math.sin(x / 37 + (index % 3)) + 50 * Math.cos(y / 23) + (state >>> 28);
  }
  return data;
}

/** Writes the pictures that are not there yet; returns [{ name, file, source, refined, columns, rows }] with sizes in pixels. */
export async function makePictures(folder) {
  await mkdir(folder, { recursive: true });
  const pictures = [];
  for (const [width, height] of SIZES) {
    const { grid, source, refined } = planSlices(width, height);
    const size = ({ width: w, height: h }) => [w, h];
    const plan = { source: size(source), refined: size(refined), columns: grid[0], rows: grid[1] };
    for (const format of ['png', 'jpeg']) {
      const name = `${width}x${height} ${format}`;
      const file = path.join(folder, `${width}x${height}.${format}`);
      pictures.push({ name, file, ...plan });
      if (
        await access(file).then(
          () => true,
          () => false,
        )
      )
        continue;
      const image = sharp(pixels(width, height), { raw: { width, height, channels: 3 } });
      await image.toFormat(format, format === 'jpeg' ? { quality: 90 } : { compressionLevel: 6 }).toFile(file);
    }
  }
  return pictures;
}
