import { preprocess } from '@pocketlens/preprocessing';
import { Command } from 'commander';
import { checkImageFile, writeWhole } from '../files.js';
import {
  addImageOptions,
  type ImageOptions,
  preprocessorConfigOf,
  readPicture,
  tellWarnings,
} from '../image-options.js';
import { type CliIo, write, writeJson } from '../io.js';
import { createProgress } from '../progress.js';
import { SafetensorsWriter } from '../safetensors-writer.js';

interface PreprocessCommandOptions extends ImageOptions {
  readonly out: string;
  readonly json?: true;
}

interface Written {
  readonly file: string;
  readonly slices: number;
  readonly visionTokens: number;
}

async function run(files: readonly string[], options: PreprocessCommandOptions, io: CliIo): Promise<void> {
  const config = await preprocessorConfigOf(options);
  for (const file of files) await checkImageFile(file);
  const progress = createProgress(io);
  const images: Written[] = [];
  await writeWhole(options.out, async (target) => {
    const writer = new SafetensorsWriter(target, files.length * (1 + config.maxSliceNums) + 1);
    const grids: number[] = [];
    for (const [imageIndex, file] of files.entries()) {
      progress.update(file, imageIndex / files.length);
      const image = await readPicture(file, options, io);
      const inputs = await preprocess(image, { ...config, signal: io.signal });
      progress.clear();
      tellWarnings(io, file, inputs.warnings);
      for (const [sliceIndex, { pixelValues, targetSize }] of inputs.slices.entries()) {
        const shape = [3, config.patchSize, pixelValues.length / (3 * config.patchSize)];
        await writer.add(`${imageIndex}.${sliceIndex}.pixel_values`, 'F32', shape, pixelValues);
        grids.push(...targetSize);
      }
      images.push({ file, slices: inputs.slices.length, visionTokens: inputs.plan.visionTokens });
    }
    await writer.add('patch_grids', 'I32', [grids.length / 2, 2], Int32Array.from(grids));
    await writer.finish();
  });
  if (options.json === true) return writeJson(io.stdout, { out: options.out, images });
  const slices = images.reduce((sum, image) => sum + image.slices, 0);
  await write(io.stdout, `${options.out}: ${slices} slices of ${files.length} image${files.length === 1 ? '' : 's'}\n`);
}

/** `pocketlens preprocess`: the vision encoder's input, as a safetensors file. */
export function preprocessCommand(io: CliIo): Command {
  const command = new Command('preprocess')
    .description("write pictures as the vision encoder's input")
    .argument('<image...>', 'image files')
    .requiredOption('--out <file.safetensors>', 'file to write')
    .option('--json', 'tell what was written as JSON');
  return addImageOptions(command).action((files: string[], options: PreprocessCommandOptions) =>
    run(files, options, io),
  );
}
