import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  benchmarks,
  checkCases,
  loadBenchmark,
  PROFILES,
  runBenchmark,
  scoreBenchmark,
  type Profile,
} from '@pocketlens/evaluation';
import { Command, Option } from 'commander';
import { FailedCheck } from '../errors.js';
import { type PlannedRun, planRun, type RecordedOptions, recordRun } from '../eval/record-run.js';
import { formatTable } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { addModelOptions, openModelFor } from '../model-options.js';
import { integer } from '../options.js';
import { createProgress } from '../progress.js';

interface ListOptions {
  readonly json?: true;
}

async function list({ json }: ListOptions, io: CliIo): Promise<void> {
  const rows = benchmarks.map(({ name, agreement }) => ({ name, agreement }));
  if (json === true) return writeJson(io.stdout, rows);
  await write(io.stdout, `${formatTable(rows.map(({ name, agreement }) => [name, agreement]))}\n`);
}

interface RunOptions extends RecordedOptions {
  readonly out: string;
  readonly json?: true;
}

async function run(plan: PlannedRun<RunOptions>, io: CliIo): Promise<void> {
  const { options } = plan;
  const benchmark = await loadBenchmark(plan.name, options.data);
  const output = path.join(options.out, `${benchmark.benchmark.name}.jsonl`);
  await mkdir(options.out, { recursive: true });
  await recordRun(benchmark, plan, output, io);
  const progress = createProgress(io);
  try {
    const model = await openModelFor(options, io);
    const summary = await runBenchmark({
      benchmark,
      model,
      output,
      ...plan.settings,
      signal: io.signal,
      ...(options.limit === undefined ? {} : { limit: options.limit }),
      onProgress: ({ answered, failed, total, remainingMs }) =>
        progress.update(
          `${answered} of ${total}, ${failed} failed, ${Math.ceil(remainingMs / 60_000)} min left`,
          (answered + failed) / total,
        ),
    });
    progress.clear();
    await model.dispose();
    if (options.json === true) return await writeJson(io.stdout, summary);
    const { total, answered, resumed, failed } = summary;
    await write(
      io.stdout,
      `${output}: ${answered} of ${total} answered (${resumed} before this run), ${failed} failed\n`,
    );
  } finally {
    progress.clear();
  }
}

interface ScoreOptions {
  readonly data?: string;
  readonly predictions: string;
  readonly profile: Profile;
  readonly limit?: number;
  readonly json?: true;
}

async function score(name: string, options: ScoreOptions, io: CliIo): Promise<void> {
  const { predictions, profile, limit } = options;
  const benchmark = await loadBenchmark(name, options.data);
  const report = await scoreBenchmark({ benchmark, predictions, profile, ...(limit === undefined ? {} : { limit }) });
  if (options.json === true) return writeJson(io.stdout, report);
  const { headline, total, scored, failed, missing } = report;
  await write(
    io.stdout,
    `${report.benchmark} (${profile}): ${headline.name} ${headline.value} of ${headline.best}; ` +
      `${scored} of ${total} scored, ${failed} failed, ${missing} missing\n`,
  );
}

interface CheckOptions {
  readonly json?: true;
}

async function check(file: string, { json }: CheckOptions, io: CliIo): Promise<void> {
  const report = await checkCases(file);
  if (json === true) await writeJson(io.stdout, report);
  else {
    await write(io.stdout, `${file}: ${report.total - report.failed} of ${report.total} cases agree\n`);
    for (const { id, line, field, expected, actual } of report.failures) {
      await write(
        io.stdout,
        `  line ${line} ${id} ${field}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}\n`,
      );
    }
  }
  if (report.failed > 0) throw new FailedCheck();
}

const DATA = 'data set (TSV; for Reading the folder with answers.jsonl); PocketRead needs none';

/** `pocketlens eval`: benchmarks. */
export function evalCommand(io: CliIo): Command {
  const command = new Command('eval').description('run and score benchmarks');
  const limit = (): Option => new Option('--limit <n>', 'only the first n samples').argParser(integer(1, 1e9));
  command
    .command('list')
    .description('list the benchmarks, and how their figures relate to the published ones')
    .option('--json', 'print a JSON list')
    .action((options: ListOptions) => list(options, io));
  const runCommand = command
    .command('run')
    .description('ask a model every question of a benchmark; an interrupted run goes on where it was')
    .argument('[benchmark]', 'name, as `eval list` shows it')
    .option('--data <file>', DATA)
    .requiredOption('--out <dir>', 'directory for the predictions and the manifest')
    .option('--repeat <manifest>', 'take data, model and settings from the manifest of an earlier run')
    .addOption(limit())
    .option('--json', 'print a summary as JSON');
  addModelOptions(runCommand).action(async (name: string | undefined, options: RunOptions, self: Command) => {
    const defaults = Object.fromEntries(self.options.map((one) => [one.attributeName(), one.defaultValue]));
    await run(await planRun(name, options, defaults), io);
  });
  command
    .command('score')
    .description('score predictions')
    .argument('<benchmark>', 'name, as `eval list` shows it')
    .option('--data <file>', DATA)
    .requiredOption('--predictions <file>', 'lines {"index", "prediction"}')
    .addOption(new Option('--profile <name>', 'rules of scoring').choices(PROFILES).default('current'))
    .addOption(limit())
    .option('--json', 'print the report as JSON')
    .action((name: string, options: ScoreOptions) => score(name, options, io));
  command
    .command('check')
    .description('replay scoring cases; exit status 1 when one disagrees')
    .argument('<cases.jsonl>', 'cases with their expected scores')
    .option('--json', 'print {file, total, failed, failures} as JSON')
    .action((file: string, options: CheckOptions) => check(file, options, io));
  return command;
}
