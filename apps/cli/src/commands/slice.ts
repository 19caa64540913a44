import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { planSlices, sliceImage, sliceOptionsOf } from '@pocketlens/preprocessing';
import type { PreprocessorConfig, RgbImage, SlicePlan, SliceSize } from '@pocketlens/preprocessing';
import { Command } from 'commander';
import { type SheetEntry, writeContactSheet } from '../contact-sheet.js';
import { checkImageFile } from '../files.js';
import {
  addImageOptions,
  type ImageOptions,
  preprocessorConfigOf,
  readPicture,
  tellWarnings,
} from '../image-options.js';
import { type CliIo, write, writeJson } from '../io.js';
import { imagePlaceholder } from '../placeholder.js';
import { writePng } from '../png.js';
import { drawPreview } from '../slice-preview.js';

interface SliceCommandOptions extends ImageOptions {
  readonly json?: true;
  readonly out?: string;
  readonly preview?: string;
  readonly sheet?: string;
}

interface Sliced {
  readonly file: string;
  readonly index: number;
  readonly image: RgbImage;
  readonly plan: SlicePlan;
  readonly pictures: readonly RgbImage[];
}

const sha256 = (data: Uint8Array | undefined): string =>
  createHash('sha256')
    .update(data ?? new Uint8Array())
    .digest('hex');

const sizeOf = ({ width, height, patchGrid }: SliceSize): object => ({ width, height, patchGrid });

function toJson({ file, index, plan, pictures }: Sliced, config: PreprocessorConfig): object {
  return {
    file,
    width: plan.width,
    height: plan.height,
    grid: plan.grid,
    source: { ...sizeOf(plan.source), sha256: sha256(pictures[0]?.data) },
    slices: plan.slices.map((slice, at) => ({
      row: slice.row,
      col: slice.col,
      ...sizeOf(slice),
      sha256: sha256(pictures[at + 1]?.data),
    })),
    visionTokens: plan.visionTokens,
    placeholder: imagePlaceholder(plan, config, index),
  };
}

const measure = ({ width, height, patchGrid }: SliceSize): string =>
  `${width} x ${height} pixels, ${patchGrid[0]} x ${patchGrid[1]} patches`;

function toText({ file, plan }: Sliced): string {
  const [first] = plan.slices;
  const lines = [`${file}: ${plan.width} x ${plan.height} pixels`, `  overview  ${measure(plan.source)}`];
  if (plan.grid === null || first === undefined) lines.push('  slices    none: the overview is enough');
  else lines.push(`  slices    ${plan.grid[0]} columns x ${plan.grid[1]} rows, each ${measure(first)}`);
  lines.push(`  tokens    ${plan.visionTokens}`);
  return `${lines.join('\n')}\n`;
}

/** 'a.png' for the first of one, 'a-2.png' for the second of several. */
function numbered(target: string, index: number, count: number): string {
  if (count === 1) return target;
  const { dir, name, ext } = path.parse(target);
  return path.join(dir, `${name}-${index + 1}${ext}`);
}

async function writeSlices(folder: string, { file, index, plan, pictures }: Sliced, count: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const name = numbered(path.parse(file).name, index, count);
  for (const [at, picture] of pictures.entries()) {
    const cell = plan.slices[at - 1];
    const part = cell === undefined ? 'overview' : `row${cell.row}-col${cell.col}`;
    await writePng(path.join(folder, `${name}.${part}.png`), picture);
  }
}

async function run(files: readonly string[], options: SliceCommandOptions, io: CliIo): Promise<void> {
  const config = await preprocessorConfigOf(options);
  for (const file of files) await checkImageFile(file);
  const { sheet } = options;
  const entries: SheetEntry[] = [];
  for (const [index, file] of files.entries()) {
    io.signal.throwIfAborted();
    const image = await readPicture(file, options, io);
    tellWarnings(io, file, image.warnings);
    const plan = planSlices(image.width, image.height, sliceOptionsOf(config));
    const outputs = [options.json, options.out, options.preview, sheet];
    const needsPixels = outputs.some((output) => output !== undefined);
    const sliced: Sliced = { file, index, image, plan, pictures: needsPixels ? sliceImage(image, config) : [] };
    if (options.json === true) await writeJson(io.stdout, toJson(sliced, config));
    else await write(io.stdout, toText(sliced));
    if (options.out !== undefined) await writeSlices(options.out, sliced, files.length);
    if (sheet !== undefined) entries.push({ file, plan, pictures: sliced.pictures });
    if (options.preview === undefined) continue;
    const target = numbered(options.preview, index, files.length);
    await drawPreview(target, sliced);
    if (options.json !== true) io.stderr.write(`preview: ${target}\n`);
  }
  if (sheet === undefined) return;
  await writeContactSheet(sheet, entries);
  if (options.json !== true) io.stderr.write(`sheet: ${sheet}\n`);
}

/** `pocketlens slice`: how pictures are cut before the model sees them. */
export function sliceCommand(io: CliIo): Command {
  const command = new Command('slice')
    .description('show how pictures are cut into slices')
    .argument('<image...>', 'image files')
    .option('--json', 'one JSON object a line, with the SHA-256 of the RGB bytes of every slice')
    .option('--out <dir>', 'write every slice as PNG into this directory')
    .option('--preview <file.png>', 'draw the grid over the picture')
    .option('--sheet <file.html>', 'show the slices of all pictures on one page');
  return addImageOptions(command).action((files: string[], options: SliceCommandOptions) => run(files, options, io));
}
