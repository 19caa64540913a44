import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel, type OpenModelOptions, type VisionLanguageModel } from '@pocketlens/runtime';
import { type Command, Option } from 'commander';
import type { CliIo } from './io.js';
import { integer } from './options.js';

/** Name of the model that comes with the command. */
export const EMBEDDED = 'tiny';
const DTYPES: readonly Dtype[] = ['fp32', 'fp16', 'int8', 'q4', 'q4f16'];
type Dtype = NonNullable<OpenModelOptions['dtype']>;

/** Options of every command that runs a model. */
export interface ModelOptions {
  readonly model: string;
  readonly dtype?: Dtype;
  readonly prefillDtype?: Dtype;
  readonly threads?: number;
  readonly memory?: 'normal' | 'low';
}

/** Adds `--model`, `--dtype`, `--prefill-dtype`, `--threads` and `--memory`. */
export function addModelOptions(command: Command): Command {
  return command
    .option('--model <dir>', 'model directory, as `pocketlens convert` writes it', EMBEDDED)
    .addOption(new Option('--dtype <type>', 'which weights, where the model has several').choices(DTYPES))
    .addOption(new Option('--prefill-dtype <type>', 'weights to read prompts with, beside --dtype').choices(DTYPES))
    .addOption(new Option('--threads <n>', 'processor threads').argParser(integer(1, 1024)))
    .addOption(
      new Option('--memory <use>', 'low: vision encoder and language model take turns in memory').choices([
        'normal',
        'low',
      ]),
    );
}

/** The folder of the model that these options name. */
export function locateModelFor({ model }: ModelOptions): string {
  return model === EMBEDDED ? modelDirectory : model;
}

/** Opens the model that these options name. */
export function openModelFor(options: ModelOptions, io: CliIo): Promise<VisionLanguageModel> {
  const { dtype, prefillDtype, threads, memory } = options;
  return openModel(locateModelFor(options), {
    backend: onnxruntimeNode(),
    signal: io.signal,
    ...(dtype === undefined ? {} : { dtype }),
    ...(prefillDtype === undefined ? {} : { prefillDtype }),
    ...(threads === undefined ? {} : { threads }),
    ...(memory === undefined ? {} : { memory }),
  });
}
