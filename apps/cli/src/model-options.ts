import {
  defaultCacheDirectory,
  DEVICES,
  type NodeDevice,
  onnxruntimeNode,
  type OnnxRuntimeNodeOptions,
} from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel, type OpenModelOptions, type VisionLanguageModel } from '@pocketlens/runtime';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliIo } from './io.js';
import { integer } from './options.js';

/** Name of the model that comes with the command. */
export const EMBEDDED = 'tiny';
const DTYPES: readonly Dtype[] = ['fp32', 'fp16', 'int8', 'q4', 'q4f16'];
type Dtype = NonNullable<OpenModelOptions['dtype']>;

/** Which weights of which model. */
export interface WeightOptions {
  readonly model: string;
  readonly dtype?: Dtype;
  readonly prefillDtype?: Dtype;
}

/** Options of every command that runs a model. */
export interface ModelOptions extends WeightOptions {
  readonly threads?: number;
  readonly memory?: 'normal' | 'low';
  /** In the order of preference. */
  readonly device?: readonly NodeDevice[];
  /** Measure settings that were never measured; `false`: nor use any; absent: use those that were. */
  readonly tune?: boolean;
}

/** Adds `--model`, `--dtype` and `--prefill-dtype`. */
export function addWeightOptions(command: Command): Command {
  return command
    .option('--model <dir>', 'model directory, as `pocketlens convert` writes it', EMBEDDED)
    .addOption(new Option('--dtype <type>', 'which weights, where the model has several').choices(DTYPES))
    .addOption(new Option('--prefill-dtype <type>', 'weights to read prompts with, beside --dtype').choices(DTYPES));
}

/** Adds the options of `addWeightOptions`, and `--device`, `--threads`, `--memory`, `--tune` and `--no-tune`. */
export function addModelOptions(command: Command): Command {
  return addWeightOptions(command)
    .option('--tune', 'choose threads by measuring, for a few seconds once, and keep the choice')
    .option('--no-tune', 'do without a choice that was measured before')
    .addOption(deviceOption())
    .addOption(new Option('--threads <n>', 'processor threads').argParser(integer(1, 1024)))
    .addOption(
      new Option('--memory <use>', 'low: vision encoder and language model take turns in memory').choices([
        'normal',
        'low',
      ]),
    );
}

/** `--device`: one name, or several with commas. */
export function deviceOption(
  description = 'what computes; of several, with commas, the first that can be used (default: cpu)',
): Option {
  return new Option('--device <name>', `${description}: ${DEVICES.join(', ')}`).argParser((text) => {
    const names = text.split(',').map((name) => name.trim());
    const devices = DEVICES.filter((device) => names.includes(device));
    if (devices.length !== new Set(names).size)
      throw new InvalidArgumentError(`Expected some of ${DEVICES.join(', ')}.`);
    return devices.toSorted((a, b) => names.indexOf(a) - names.indexOf(b));
  });
}

/** The folder of the model that these options name. */
export function locateModelFor({ model }: WeightOptions): string {
  return model === EMBEDDED ? modelDirectory : model;
}

/** The given ones of some options. */
export function given<Options extends object>(
  options: Options,
): { [Name in keyof Options]?: Exclude<Options[Name], undefined> } {
  // Only what is `undefined` is left out.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof given<Options>
  >;
}

/** How the engine chooses settings that are not given, and where it keeps choices. */
export function tuningSettings(
  { tune }: Pick<ModelOptions, 'tune'>,
  { env }: Pick<CliIo, 'env'>,
): Pick<OnnxRuntimeNodeOptions, 'autoTune' | 'cacheDirectory'> {
  return { autoTune: tune ?? 'cached', cacheDirectory: defaultCacheDirectory(undefined, env) };
}

/** Opens the model that these options name. */
export function openModelFor(options: ModelOptions, io: CliIo): Promise<VisionLanguageModel> {
  const { dtype, prefillDtype, threads, memory, device } = options;
  return openModel(locateModelFor(options), {
    backend: onnxruntimeNode({ ...tuningSettings(options, io), ...given({ device }) }),
    signal: io.signal,
    ...given({ dtype, prefillDtype, threads, memory }),
  });
}
