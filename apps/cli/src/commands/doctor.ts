import { Command } from 'commander';
import { type Check, diagnose, type Diagnosis } from '../doctor/diagnosis.js';
import { type Facts, readFacts } from '../doctor/facts.js';
import { TABLE_CONTEXT } from '../doctor/memory-table.js';
import { FailedCheck } from '../errors.js';
import { formatBytes, formatTable } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';

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

async function run(json: boolean, io: CliIo): Promise<void> {
  const facts = await readFacts(io);
  const diagnosis = diagnose(facts);
  if (json) await writeJson(io.stdout, { ...diagnosis, ...facts });
  else await write(io.stdout, toText(facts, diagnosis));
  if (!diagnosis.ok) throw new FailedCheck();
}

/** `pocketlens doctor`: what this machine offers, what is wrong, what to do next. */
export function doctorCommand(io: CliIo): Command {
  return new Command('doctor')
    .description('show what this machine offers, what is wrong, and what to do next')
    .option('--json', 'print one JSON object; the README describes it')
    .addHelpText('after', '\nExit status: 0 models can run here, 1 something that they need is missing.')
    .action(({ json }: { readonly json?: true }) => run(json === true, io));
}
