import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel, type VisionLanguageModel } from '@pocketlens/runtime';
import { type Command, Option } from 'commander';
import type { CliIo } from './io.js';
import { integer } from './options.js';

const EMBEDDED = 'tiny';

/** Options of every command that runs a model. */
export interface ModelOptions {
  readonly model: string;
  readonly dtype?: 'fp32' | 'fp16';
  readonly threads?: number;
}

/** Adds `--model`, `--dtype` and `--threads`. */
export function addModelOptions(command: Command): Command {
  return command
    .option('--model <dir>', 'model directory, as `pocketlens convert` writes it', EMBEDDED)
    .addOption(new Option('--dtype <type>', 'which weights, where the model has several').choices(['fp32', 'fp16']))
    .addOption(new Option('--threads <n>', 'processor threads').argParser(integer(1, 1024)));
}

/** The folder of the model that these options name. */
export function locateModelFor({ model }: ModelOptions): string {
  return model === EMBEDDED ? modelDirectory : model;
}

/** Opens the model that these options name. */
export function openModelFor(options: ModelOptions, io: CliIo): Promise<VisionLanguageModel> {
  const { dtype, threads } = options;
  return openModel(locateModelFor(options), {
    backend: onnxruntimeNode(),
    signal: io.signal,
    ...(dtype === undefined ? {} : { dtype }),
    ...(threads === undefined ? {} : { threads }),
  });
}
