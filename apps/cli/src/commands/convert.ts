import {
  BLOCK_SIZES,
  PART_DTYPES,
  PocketlensError,
  convert,
  type BlockSize,
  type PartDtype,
} from '@pocketlens/converter';
import { Command, InvalidArgumentError } from 'commander';
import { checkDirectory, checkExists } from '../files.js';
import { formatBytes } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { createConversionProgress } from '../convert-progress.js';
import { integer } from '../options.js';

interface ConvertOptions {
  readonly dtype: readonly PartDtype[];
  readonly blockSize?: BlockSize;
  readonly lora?: string;
  readonly mmproj?: string;
  readonly threads?: number;
  readonly force?: true;
  readonly resume: boolean;
  readonly json?: true;
}

function parseDtypes(text: string): PartDtype[] {
  return text.split(',').map((name) => {
    const dtype = PART_DTYPES.find((known) => known === name.trim());
    if (dtype === undefined)
      throw new InvalidArgumentError(`Expected ${PART_DTYPES.join(', ')}, or several with commas.`);
    return dtype;
  });
}

function parseBlockSize(text: string): BlockSize {
  const size = BLOCK_SIZES.find((known) => String(known) === text);
  if (size === undefined) throw new InvalidArgumentError(`Expected ${BLOCK_SIZES.join(', ')}.`);
  return size;
}

async function run(source: string, target: string, options: ConvertOptions, io: CliIo): Promise<void> {
  const { dtype, blockSize, lora, mmproj, threads, force, resume, json } = options;
  await checkExists(source, 'checkpoint');
  if (lora !== undefined) await checkDirectory(lora, 'LoRA adapter');
  const progress = createConversionProgress(io);
  try {
    const { directory, manifest } = await convert({
      source,
      target,
      dtypes: dtype,
      ...(blockSize === undefined ? {} : { blockSize }),
      ...(lora === undefined ? {} : { lora }),
      ...(mmproj === undefined ? {} : { mmproj }),
      ...(threads === undefined ? {} : { threads }),
      force: force === true,
      unfinished: resume ? 'keep' : 'discard',
      signal: io.signal,
      onProgress: (event) => progress.update(event),
    });
    progress.clear();
    if (json === true) return await writeJson(io.stdout, { directory, ...manifest });
    const bytes = manifest.files.reduce((sum, file) => sum + file.size, 0);
    await write(io.stdout, `${target}: ${manifest.model.name}, ${dtype.join(', ')}, ${formatBytes(bytes)}\n`);
  } catch (error) {
    progress.clear();
    if (io.signal.aborted) tellUnfinished(error, io);
    throw error;
  }
}

/** An interruption is reported without words; where the work lies is worth some. */
function tellUnfinished(error: unknown, { stderr }: CliIo): void {
  const details: unknown = error instanceof PocketlensError ? error.details?.['unfinished'] : undefined;
  if (typeof details !== 'string') return;
  stderr.write(`interrupted; the same command goes on from here (unfinished files: ${details})\n`);
}

/** `pocketlens convert`: a published checkpoint to a model directory. */
export function convertCommand(io: CliIo): Command {
  return new Command('convert')
    .description('convert a checkpoint (config.json and safetensors) or a GGUF pair to a model directory')
    .argument('<source>', 'checkpoint directory, or GGUF language model with its mmproj file beside it')
    .argument('<target>', 'model directory to write')
    .option(
      '--dtype <list>',
      'storage of the weights, or several with commas: fp32 (exact), fp16 (half the size, exact for fp16 checkpoints), ' +
        'int8 (a quarter, in browsers too), q4 (an eighth: language model in int4, vision in int8)',
      parseDtypes,
      ['fp32'],
    )
    .option(
      '--block-size <n>',
      'weights that share a scale in q4: 32, 64 or 128; default 64 (smaller: more exact, slower)',
      parseBlockSize,
    )
    .option('--lora <dir>', 'merge a LoRA adapter, as PEFT saves it')
    .option('--mmproj <file>', 'image part of a GGUF model, when it is not the one beside it')
    .option('--threads <n>', 'processor threads for int8 and q4; default: all, at most 8', integer(1, 64))
    .option('--force', 'replace a target that is not empty')
    .option('--no-resume', 'start from the beginning, and leave no unfinished files when interrupted')
    .option('--json', 'print the manifest of what was written as JSON')
    .action((source: string, target: string, options: ConvertOptions) => run(source, target, options, io));
}
