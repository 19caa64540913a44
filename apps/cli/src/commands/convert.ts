import { convert } from '@pocketlens/converter';
import { Command } from 'commander';
import { UsageError } from '../errors.js';
import { checkDirectory } from '../files.js';
import { formatBytes } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { createProgress } from '../progress.js';

const DTYPES = ['fp32', 'fp16'] as const;
type Dtype = (typeof DTYPES)[number];

interface ConvertOptions {
  readonly dtype: readonly Dtype[];
  readonly json?: true;
}

function parseDtypes(text: string): Dtype[] {
  return text.split(',').map((name) => {
    const dtype = DTYPES.find((known) => known === name.trim());
    if (dtype === undefined) throw new UsageError(`Expected ${DTYPES.join(' or ')} for --dtype but received "${name}"`);
    return dtype;
  });
}

async function run(source: string, target: string, { dtype, json }: ConvertOptions, io: CliIo): Promise<void> {
  await checkDirectory(source, 'checkpoint');
  const progress = createProgress(io);
  try {
    await convert({
      source,
      target,
      dtypes: dtype,
      signal: io.signal,
      onProgress: (event) => progress.update(JSON.stringify(event)),
    });
  } finally {
    progress.clear();
  }
  if (json === true) return writeJson(io.stdout, { source, target, dtypes: dtype });
  await write(io.stdout, `${target}: ${dtype.join(', ')} ${formatBytes(0)}\n`);
}

/** `pocketlens convert`: a published checkpoint to a model directory. */
export function convertCommand(io: CliIo): Command {
  return new Command('convert')
    .description('convert a checkpoint (config.json and safetensors) to a model directory')
    .argument('<source>', 'checkpoint directory')
    .argument('<target>', 'model directory to write')
    .option('--dtype <list>', 'storage of the weights: fp32, fp16, or both with a comma', parseDtypes, ['fp32'])
    .option('--json', 'tell what was written as JSON')
    .action((source: string, target: string, options: ConvertOptions) => run(source, target, options, io));
}
