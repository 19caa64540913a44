import {
  decodeImage,
  type DecodedImage,
  type ImageWarning,
  isPocketlensError,
  type PreprocessorConfig,
} from '@pocketlens/preprocessing';
import { type Command, Option } from 'commander';
import { CliError } from './errors.js';
import type { CliIo } from './io.js';
import { integer } from './options.js';
import { readPreprocessorConfig } from './preprocessor-config.js';

/** Options of every command that cuts pictures. */
export interface ImageOptions {
  readonly exact?: true;
  readonly model?: string;
  readonly maxSlices?: number;
}

/** Adds `--exact`, `--model` and `--max-slices`. */
export function addImageOptions(command: Command): Command {
  return command
    .option('--exact', 'read pixels as the reference code does: EXIF, transparency and profiles ignored')
    .option('--model <dir>', 'slice as this model does (default: MiniCPM-Llama3-V 2.5)')
    .addOption(new Option('--max-slices <n>', 'most slices besides the overview').argParser(integer(1, 64)));
}

/** The configuration that these options ask for. */
export async function preprocessorConfigOf({ model, maxSlices }: ImageOptions): Promise<PreprocessorConfig> {
  const config = await readPreprocessorConfig(model);
  return maxSlices === undefined ? config : { ...config, maxSliceNums: maxSlices };
}

/** How pixels are read: as people see the picture, or bit for bit as the reference code. */
export function decodeModeOf({ exact }: Pick<ImageOptions, 'exact'>): 'exact' | 'natural' {
  return exact === true ? 'exact' : 'natural';
}

/** Decodes a file; what is wrong with it is told under its name. */
export async function readPicture(
  file: string,
  options: Pick<ImageOptions, 'exact'>,
  { signal }: CliIo,
): Promise<DecodedImage> {
  try {
    return await decodeImage(file, { mode: decodeModeOf(options), signal });
  } catch (error) {
    if (!isPocketlensError(error) || error.code === 'ABORTED' || error.message.includes(file)) throw error;
    const { code, message, hint } = error;
    throw new CliError(code, `${file}: ${message}`, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}

/** Tells warnings about a picture on stderr. */
export function tellWarnings({ stderr }: CliIo, file: string, warnings: readonly ImageWarning[]): void {
  for (const { message } of warnings) stderr.write(`warning: ${file}: ${message}\n`);
}
