// Converts a checkpoint in every storage that is compared.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { convert } from '@pocketlens/converter';

const q4 = (blockSize, rounding) => ({ dtypes: ['q4'], blockSize, rounding });

/** `vision` and `decoder` name the storage of the parts; `open` is the dtype to open; `drop` takes its own vision part away. */
const VARIANTS = [
  { vision: 'int8', decoder: 'fp32', settings: { dtypes: ['fp32', 'int8'] }, open: 'fp32', drop: true },
  { vision: 'int8', decoder: 'int8', settings: { dtypes: ['int8'] }, open: 'int8' },
  ...[32, 64, 128].flatMap((blockSize) =>
    ['max-abs', 'least-squares'].map((rounding) => ({
      vision: 'int8',
      decoder: `q4, blocks of ${blockSize}, ${rounding}`,
      settings: q4(blockSize, rounding),
      open: 'q4',
    })),
  ),
  {
    vision: 'fp16',
    decoder: 'q4, blocks of 128, least-squares',
    settings: { ...q4(128, 'least-squares'), dtypes: ['fp16', 'q4'] },
    open: 'q4',
    drop: true,
  },
];

/** Yields `{ vision, decoder, directory, open }` of one variant after another. */
export async function* convertVariants(source, target) {
  for (const [index, { settings, drop, ...variant }] of VARIANTS.entries()) {
    const directory = path.join(target, String(index));
    const { manifest } = await convert({ source, target: directory, ...settings });
    if (drop === true) await dropVision(directory, manifest, variant.open);
    yield { ...variant, directory };
  }
}

/** Without a vision part of its own, a dtype takes the one of another. */
async function dropVision(directory, manifest, dtype) {
  const parts = manifest.parts.filter((part) => part.part !== 'vision_encoder' || part.dtype !== dtype);
  const file = path.join(directory, 'pocketlens.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), parts }));
}
