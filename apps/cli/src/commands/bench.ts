import { createRequire } from 'node:module';
import {
  findTuning,
  onnxruntimeNode,
  type OnnxRuntimeNodeOptions,
  type Tuning,
  tuneModel,
} from '@pocketlens/backend-onnxruntime-node';
import { DEFAULT_PREPROCESSOR_CONFIG } from '@pocketlens/preprocessing';
import { locateModel } from '@pocketlens/runtime';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isBusy, type Machine, readMachine } from '../bench/machine.js';
import { MemoryWatch, peakResidentBytes } from '../bench/memory.js';
import {
  type Backend,
  type BenchContext,
  benchDecode,
  benchEncode,
  benchPrefill,
  type DecodeResult,
  type EncodeResult,
  type Model,
  type PrefillResult,
} from '../bench/model-bench.js';
import { type BenchReport, reportText } from '../bench/report.js';
import { timed } from '../bench/samples.js';
import { UsageError } from '../errors.js';
import { type CliIo, write, writeJson } from '../io.js';
import { addModelOptions, given, locateModelFor, type ModelOptions, tuningSettings } from '../model-options.js';
import { integer } from '../options.js';
import { readPreprocessorConfig } from '../preprocessor-config.js';
import { createProgress, type Progress } from '../progress.js';

interface BenchOptions extends ModelOptions {
  readonly slices: readonly number[];
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  readonly newTokens: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly memory?: 'normal' | 'low';
  readonly kvCache?: 'float32' | 'int8';
  readonly prefillChunk?: number;
  readonly prepacked?: true;
  readonly spinning?: true;
  readonly json?: true;
}

type EngineSettings = Pick<OnnxRuntimeNodeOptions, 'kvCache' | 'prefillChunk' | 'prepacked' | 'spinning' | 'memory'>;

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Parser of whole numbers with commas; `none` leaves the measurement out. */
function integers(max: number): (text: string) => readonly number[] {
  const one = integer(1, max);
  return (text) => {
    if (text === 'none') return [];
    try {
      return text.split(',').map((part) => one(part.trim()));
    } catch {
      throw new InvalidArgumentError(`Expected whole numbers from 1 to ${max} with commas, or none.`);
    }
  };
}

function checkLengths({ config }: Model, { prefill, decode, newTokens }: BenchOptions): void {
  const longest = Math.max(0, ...prefill, ...decode.map((context) => context + newTokens + 1));
  if (longest <= config.maxPositions) return;
  throw new UsageError(
    `${longest} positions asked for, the model has ${config.maxPositions}`,
    'Choose smaller numbers for --prefill, --decode or --new-tokens.',
  );
}

/** Side of a slice in pixels; a checkpoint without preprocessor settings has the published ones. */
async function readSliceSide(directory: string): Promise<number> {
  try {
    return (await readPreprocessorConfig(directory)).scaleResolution;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return DEFAULT_PREPROCESSOR_CONFIG.scaleResolution;
  }
}

interface Measured {
  readonly encode: readonly EncodeResult[];
  readonly prefill: readonly PrefillResult[];
  readonly decode: readonly DecodeResult[];
}

async function measureAll(
  context: BenchContext,
  { slices, prefill, decode }: BenchOptions,
  { progress, memory }: { readonly progress: Progress; readonly memory: MemoryWatch },
): Promise<Measured> {
  // Each line stands for a long time: none may fall to the limit on redrawing.
  const show = (text: string): void => {
    progress.clear();
    progress.update(text);
  };
  const encoded: EncodeResult[] = [];
  for (const count of slices) {
    show(`encoding ${count} slices`);
    encoded.push(await benchEncode(context, count));
    await memory.look();
  }
  const prefilled: PrefillResult[] = [];
  for (const tokens of prefill) {
    show(`reading ${tokens} tokens`);
    prefilled.push(await benchPrefill(context, tokens));
    await memory.look();
  }
  const decoded = await benchDecode(context, decode, (positions) => {
    show(`writing tokens after ${positions}`);
  });
  await memory.look();
  return { encode: encoded, prefill: prefilled, decode: decoded };
}

async function runModel(
  { model, loadMs, loadCpuMs }: { readonly model: Model; readonly loadMs: number; readonly loadCpuMs: number },
  { backend, directory, machine, settings, tuning, options, io, progress }: Run,
): Promise<BenchReport> {
  checkLengths(model, options);
  const memory = new MemoryWatch();
  await memory.look();
  const loaded = memory.most;
  const context: BenchContext = {
    model,
    signal: io.signal,
    rounds: options.rounds,
    budgetMs: options.seconds * 1000,
    newTokens: options.newTokens,
    sliceSide: await readSliceSide(directory),
  };
  const measured = await measureAll(context, options, { progress, memory });
  const probe = await backend.probe();
  return {
    date: new Date().toISOString(),
    version,
    machine,
    model: {
      name: model.config.name,
      directory,
      dtype: model.capabilities.dtype,
      ...(options.prefillDtype === undefined ? {} : { prefillDtype: options.prefillDtype }),
    },
    backend: {
      name: backend.name,
      version: probe.version ?? null,
      threads: options.threads ?? tuning?.threads ?? probe.threads ?? null,
      settings,
      ...(tuning === undefined ? {} : { tuning }),
    },
    load: { ms: loadMs, cpuMs: loadCpuMs },
    ...measured,
    memory: { loaded, most: memory.most, peakResidentBytes: Math.max(peakResidentBytes(), memory.most.residentBytes) },
  };
}

/** The given settings of the engine; what is absent is its own to decide. */
function engineSettings({ kvCache, prefillChunk, prepacked, spinning, memory }: BenchOptions): EngineSettings {
  return given({ kvCache, prefillChunk, prepacked, spinning, memory });
}

/** The measured choice that the model will be loaded with; with `--tune` it is made first, where there is none. */
async function tuningFor(directory: string, options: BenchOptions, io: CliIo): Promise<Tuning | undefined> {
  const { dtype, prefillDtype, threads, kvCache, prefillChunk, spinning } = options;
  if (options.tune === false) return undefined;
  const { cacheDirectory } = tuningSettings(options, io);
  const settings = given({ dtype, prefillDtype, threads, kvCache, prefillChunk, spinning, cacheDirectory });
  const found = await findTuning(directory, settings);
  if (found !== undefined || options.tune === undefined) return found;
  const { isStored, ...tuning } = await tuneModel(directory, { ...settings, signal: io.signal });
  return isStored ? tuning : undefined;
}

interface Run {
  readonly backend: Backend;
  readonly directory: string;
  readonly machine: Machine;
  readonly settings: EngineSettings;
  readonly tuning: Tuning | undefined;
  readonly options: BenchOptions;
  readonly io: CliIo;
  readonly progress: Progress;
}

async function run(options: BenchOptions, io: CliIo): Promise<void> {
  const directory = await locateModel(locateModelFor(options));
  const machine = await readMachine();
  if (isBusy(machine))
    io.stderr.write(`warning: the machine is busy (load ${machine.load.toFixed(2)}), times will be too long\n`);
  const progress = createProgress(io);
  const settings = engineSettings(options);
  const backend = onnxruntimeNode({
    ...settings,
    ...tuningSettings(options, io),
    ...given({ device: options.device }),
  });
  try {
    progress.update('choosing threads');
    const tuning = await tuningFor(directory, options, io);
    progress.clear();
    progress.update('opening the model');
    const { dtype, prefillDtype, threads } = options;
    const {
      value: model,
      ms,
      cpuMs,
    } = await timed(() =>
      backend.loadModel(directory, {
        signal: io.signal,
        ...given({ dtype, prefillDtype, threads }),
      }),
    );
    for (const { message } of model.warnings ?? []) io.stderr.write(`warning: ${message}\n`);
    try {
      const report = await runModel(
        { model, loadMs: ms, loadCpuMs: cpuMs },
        { backend, directory, machine, settings, tuning, options, io, progress },
      );
      progress.clear();
      if (options.json === true) await writeJson(io.stdout, report);
      else await write(io.stdout, reportText(report));
    } finally {
      await model.dispose();
    }
  } finally {
    progress.clear();
  }
}

/** `pocketlens bench`: speed and memory of a model on this machine. */
export function benchCommand(io: CliIo): Command {
  const command = new Command('bench')
    .description('measure speed and memory of a model on this machine')
    .addOption(
      new Option('--slices <list>', 'encode so many image slices at once').argParser(integers(1000)).default([1], '1'),
    )
    .addOption(
      new Option('--prefill <list>', 'read prompts of so many tokens')
        .argParser(integers(1_000_000))
        .default([128, 1024], '128,1024'),
    )
    .addOption(
      new Option('--decode <list>', 'write tokens after so many')
        .argParser(integers(1_000_000))
        .default([128, 1024], '128,1024'),
    )
    .addOption(
      new Option('--new-tokens <n>', 'tokens written at each length').argParser(integer(1, 10_000)).default(32),
    )
    .addOption(new Option('--rounds <n>', 'measurements of each kind').argParser(integer(1, 1000)).default(5))
    .addOption(
      new Option('--seconds <n>', 'no further round of a measurement after this time')
        .argParser(integer(1, 86_400))
        .default(10),
    )
    .addOption(new Option('--kv-cache <type>', 'storage of keys and values').choices(['float32', 'int8']))
    .addOption(new Option('--prefill-chunk <n>', 'positions of one pass of a prompt').argParser(integer(1, 1_000_000)))
    .option('--prepacked', 'keep the weights as this processor wants them in the cache, and map them')
    .option('--spinning', 'threads wait by spinning')
    .option('--json', 'print one JSON object; the README describes it');
  return addModelOptions(command).action((options: BenchOptions) => run(options, io));
}
