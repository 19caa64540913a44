// Draws the picture of README.md that shows both ways to see a picture: `node test/draw-two-ways.mjs`, after a build.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { decodeImage } from '../dist/index.js';

const SIDE = 200;
const GAP = 16;
const images = new URL('../../../tools/golden/preprocessing/images/', import.meta.url);
const FILES = ['exif_orientation_6.jpg', 'alpha_rgba.png', 'cmyk.jpg', 'grey_16bit.png'];
const MODES = ['natural', 'exact'];

const tile = async (name, mode) => {
  const { data, width, height } = await decodeImage(new URL(name, images), { mode });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(SIDE, SIDE, { fit: 'contain', background: '#e8e6e1' })
    .png()
    .toBuffer();
};

const tiles = await Promise.all(
  MODES.flatMap((mode, row) =>
    FILES.map(async (name, column) => ({
      input: await tile(name, mode),
      left: GAP + column * (SIDE + GAP),
      top: GAP + row * (SIDE + GAP),
    })),
  ),
);
await sharp({
  create: {
    width: GAP + FILES.length * (SIDE + GAP),
    height: GAP + MODES.length * (SIDE + GAP),
    channels: 3,
    background: '#f5f3ee',
  },
})
  .composite(tiles)
  .png({ palette: true, effort: 10 })
  .toFile(fileURLToPath(new URL('../two-ways.png', import.meta.url)));
