import { tuneModel, type TuneResult, type TuningStep } from '@pocketlens/backend-onnxruntime-node';
import { locateModel } from '@pocketlens/runtime';
import { formatTable } from '../format.js';
import type { CliIo } from '../io.js';
import { given, locateModelFor, tuningSettings, type WeightOptions } from '../model-options.js';
import { createProgress } from '../progress.js';

/** What was measured for a model, and what was chosen. */
export interface TuningReport extends TuneResult {
  readonly directory: string;
  readonly steps: readonly TuningStep[];
}

const NAMES: Readonly<Record<TuningStep['setting'], string>> = {
  threads: 'threads',
  spinning: 'spinning',
  prefillChunk: 'positions a pass',
};

/** Measures settings for a model and keeps the choice for the commands that run it. */
export async function runTuning(options: WeightOptions, io: CliIo): Promise<TuningReport> {
  const { dtype, prefillDtype } = options;
  const directory = await locateModel(locateModelFor(options));
  const { cacheDirectory } = tuningSettings({}, io);
  const progress = createProgress(io);
  const steps: TuningStep[] = [];
  try {
    progress.update('measuring');
    const result = await tuneModel(directory, {
      signal: io.signal,
      onStep: (step) => {
        steps.push(step);
        progress.update(`measured ${NAMES[step.setting]} ${String(step.value)}`);
      },
      ...given({ dtype, prefillDtype, cacheDirectory }),
    });
    return { directory, ...result, steps };
  } finally {
    progress.clear();
  }
}

/** The measurements as a table, each against the best before it, and the choice. */
export function tuningText({ directory, steps, threads, spinning, prefillChunk, isStored }: TuningReport): string {
  const rows = steps.map(({ setting, value, ratio, isTaken }) => [
    NAMES[setting],
    String(value),
    `${ratio.toFixed(2)} of the time`,
    isTaken ? 'taken' : '',
  ]);
  const chosen = `chosen: ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${spinning ? 'spinning' : 'not spinning'}, ${prefillChunk} positions a pass`;
  const kept = isStored ? 'kept for later loads' : 'not kept: the cache cannot be written';
  return [
    `Settings for ${directory}, measured`,
    ...(rows.length === 0 ? [] : [formatTable(rows)]),
    `${chosen}; ${kept}`,
    '',
  ].join('\n');
}
