import type { NodeDevice } from '@pocketlens/backend-onnxruntime-node';
import { Command } from 'commander';
import { type Check, diagnose, type Diagnosis } from '../doctor/diagnosis.js';
import { type Facts, readFacts } from '../doctor/facts.js';
import { TABLE_CONTEXT } from '../doctor/memory-table.js';
import { runTuning, tuningText } from '../doctor/tuning.js';
import { FailedCheck } from '../errors.js';
import { formatBytes, formatTable } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { addWeightOptions, deviceOption, type WeightOptions } from '../model-options.js';

const MARKS: Readonly<Record<Check['severity'], string>> = { ok: 'ok', warning: 'note', failed: 'FAILED' };

function toText({ caches }: Facts, { checks, fits, next }: Diagnosis): string {
  const checked = checks.map(({ name, severity, detail }) => [MARKS[severity], name, detail]);
  const kept = caches.map(({ what, directory, bytes }) => [
    what,
    bytes === null ? 'nothing yet' : formatBytes(bytes),
    directory,
  ]);
  const needs = fits.map(({ model, dtype, bytes, fits: fit }) => [
    model,
    dtype,
    formatBytes(bytes),
    fit ? 'fits' : 'does not fit',
  ]);
  return [
    formatTable(checked),
    '',
    'Caches',
    formatTable(kept),
    '',
    `Memory for a conversation of ${TABLE_CONTEXT} tokens, computed`,
    formatTable(needs),
    '',
    'Next',
    ...next.map((step) => `- ${step}`),
    '',
  ].join('\n');
}

interface DoctorOptions extends WeightOptions {
  readonly device?: readonly NodeDevice[];
  readonly tune?: true;
  readonly json?: true;
}

async function run(options: DoctorOptions, io: CliIo): Promise<void> {
  const asked = options.device ?? [];
  const facts = await readFacts(io, asked);
  const diagnosis = diagnose(facts, asked);
  const tuning = options.tune === true && diagnosis.ok ? await runTuning(options, io) : undefined;
  if (options.json === true) {
    await writeJson(io.stdout, { ...diagnosis, ...facts, ...(tuning === undefined ? {} : { tuning }) });
  } else {
    await write(io.stdout, toText(facts, diagnosis) + (tuning === undefined ? '' : `\n${tuningText(tuning)}`));
  }
  if (!diagnosis.ok) throw new FailedCheck();
}

/** `pocketlens doctor`: what this machine offers, what is wrong, what to do next. */
export function doctorCommand(io: CliIo): Command {
  const command = new Command('doctor')
    .description('show what this machine offers, what is wrong, and what to do next')
    .option('--tune', 'choose threads for a model by measuring, and keep the choice; the options below name the model')
    .addOption(deviceOption('also try whether these devices can be used here'))
    .option('--json', 'print one JSON object; the README describes it')
    .addHelpText('after', '\nExit status: 0 models can run here, 1 something that they need is missing.');
  return addWeightOptions(command).action((options: DoctorOptions) => run(options, io));
}
