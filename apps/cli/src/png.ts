import type { RgbImage } from '@pocketlens/preprocessing';
import sharp from 'sharp';
import { writeWhole } from './files.js';

/** Writes RGB pixels as a PNG file. */
export async function writePng(target: string, { data, width, height }: RgbImage): Promise<void> {
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await writeWhole(target, async (file) => void (await file.write(bytes)));
}
