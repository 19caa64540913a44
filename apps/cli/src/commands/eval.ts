import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  benchmarks,
  checkCases,
  collectAnswers,
  formatFigure,
  loadBenchmark,
  lockOutput,
  PROFILES,
  runBenchmark,
  scoreBenchmark,
  type CollectOptions,
  type Profile,
  type RunManifest,
  type RunProgress,
  type RunSummary,
} from '@pocketlens/evaluation';
import { Command, Option } from 'commander';
import { FailedCheck } from '../errors.js';
import { addJudgeOptions, describeMatching, judgeOf, type JudgeOptions } from '../eval/judge-options.js';
import { compareCommand } from '../eval/compare-command.js';
import { type PlannedRun, planRun, type RecordedOptions, recordRun } from '../eval/record-run.js';
import {
  describeQueueEvent,
  identityOf,
  QUEUE,
  queueAddress,
  queueEncryptionNote,
  queueRunOf,
} from '../eval/queue-options.js';
import { reportCommand } from '../eval/report-command.js';
import { addAskingOptions, type AskingOptions, patienceOf, settingsOf } from '../eval/run-options.js';
import { addSelectionOptions, type SelectionOptions, selectionOf } from '../eval/selection-options.js';
import { createEvaluationProgress, describeJudging, describeRun } from '../eval/run-progress.js';
import { formatTable } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { given } from '../model-options.js';
import { integer } from '../options.js';
import { openAnsweringModel } from '../provider-options.js';

interface ListOptions {
  readonly json?: true;
}

async function list({ json }: ListOptions, io: CliIo): Promise<void> {
  const rows = benchmarks.map(({ name, title, agreement, judging }) => ({
    name,
    agreement,
    judge:
      judging === undefined ? 'none' : judging.role === 'grade' ? 'grades every answer' : 'reads what rules cannot',
    title,
  }));
  if (json === true) return writeJson(io.stdout, rows);
  const table = rows.map(({ name, agreement, judge, title }) => [name, agreement, `judge: ${judge}`, title]);
  await write(io.stdout, `${formatTable(table)}\n`);
}

interface RunOptions extends RecordedOptions, AskingOptions {
  readonly provider: AskingOptions['provider'];
  readonly dialect: AskingOptions['dialect'];
  readonly out: string;
  /** Seed of the random choice of samples. */
  readonly sample?: number;
  /** Address of the Redis through which workers answer. */
  readonly queue?: string;
  readonly shard?: number;
  readonly json?: true;
}

async function run(plan: PlannedRun<RunOptions>, io: CliIo): Promise<void> {
  const { options } = plan;
  const settings = settingsOf(options, plan.settings);
  const benchmark = await loadBenchmark(plan.name, options.data);
  const output = path.join(options.out, `${benchmark.benchmark.name}.jsonl`);
  await mkdir(options.out, { recursive: true });
  const progress = createEvaluationProgress(io);
  const lock = await lockOutput(output, io.signal);
  try {
    const manifest = await recordRun(benchmark, { ...plan, settings }, output, io);
    const collect = {
      benchmark,
      output,
      lock,
      ...settings,
      signal: io.signal,
      ...selectionOf({ ...options, ...given({ sample: options.seed }) }),
      onProgress: (event: RunProgress) =>
        progress.update(describeRun(event), (event.answered + event.failed) / event.total),
    };
    const summary = await (options.queue === undefined
      ? askHere(options, collect, io)
      : askWorkers({ ...options, queue: options.queue }, manifest, collect, io));
    progress.clear();
    for (const { message } of summary.warnings) io.stderr.write(`warning: ${message}\n`);
    if (options.json === true) return await writeJson(io.stdout, summary);
    const { total, answered, resumed, failed } = summary;
    await write(
      io.stdout,
      `${output}: ${answered} of ${total} answered (${resumed} before this run), ${failed} failed\n`,
    );
  } finally {
    progress.clear();
    await lock.release();
  }
}

type Collecting = Omit<CollectOptions, 'answerer'>;

async function askHere(options: RunOptions, collect: Collecting, io: CliIo): Promise<RunSummary> {
  const model = await openAnsweringModel(options, io);
  const summary = await runBenchmark({ ...collect, model, ...patienceOf(options) });
  await model.dispose();
  return summary;
}

async function askWorkers(
  options: RunOptions & { readonly queue: string },
  manifest: RunManifest,
  collect: Collecting,
  io: CliIo,
): Promise<RunSummary> {
  const { openQueueAnswerer } = await import('@pocketlens/evaluation-queue');
  const { retries, sampleTimeoutMs } = patienceOf(options);
  const url = queueAddress(options.queue, io);
  const answerer = await openQueueAnswerer({
    url,
    run: queueRunOf(manifest, collect.output),
    model: identityOf(manifest.model),
    ...given({ retries, sampleTimeoutMs, shardSize: options.shard }),
    signal: io.signal,
    onEvent: (event) => io.stderr.write(describeQueueEvent(event)),
  });
  io.stderr.write(`note: pictures and questions go through Redis at ${answerer.host}${queueEncryptionNote(url)}\n`);
  try {
    return await collectAnswers({ ...collect, answerer });
  } finally {
    await answerer.close();
  }
}

interface ScoreOptions extends JudgeOptions, SelectionOptions {
  readonly data?: string;
  readonly predictions: string;
  readonly profile: Profile;
  readonly json?: true;
}

async function score(name: string, options: ScoreOptions, io: CliIo): Promise<void> {
  const { predictions, profile, judgeConcurrency } = options;
  const benchmark = await loadBenchmark(name, options.data);
  const judge = judgeOf(options, predictions, io);
  const progress = createEvaluationProgress(io);
  const report = await scoreBenchmark({
    benchmark,
    predictions,
    profile,
    ...selectionOf(options),
    ...(judge && { judge, judgeConcurrency }),
    signal: io.signal,
    keepSamples: options.json === true,
    onJudged: (event) => progress.update(describeJudging(event), event.judged / event.total),
  }).finally(() => progress.clear());
  if (options.json === true) return writeJson(io.stdout, report);
  const { headline, total, scored, failed, missing, matching, unmatched } = report;
  await write(
    io.stdout,
    `${report.benchmark} (${profile}): ${headline.name} ${formatFigure(headline.value)}, best possible ${headline.best}; ` +
      `${scored} of ${total} scored, ${failed} failed, ${missing} missing; ${describeMatching(matching, unmatched)}\n`,
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
    .option('--queue <url>', `let \`pocketlens worker\`s answer, on any number of machines, through ${QUEUE}`)
    .addOption(
      new Option('--shard <n>', 'samples that a worker takes from the queue at once (default: 4)').argParser(
        integer(1, 1000),
      ),
    )
    .option('--json', 'print a summary as JSON');
  addAskingOptions(addSelectionOptions(runCommand)).action(
    async (name: string | undefined, options: RunOptions, self: Command) => {
      const defaults = Object.fromEntries(self.options.map((one) => [one.attributeName(), one.defaultValue]));
      const seed = options.sample === undefined ? {} : { seed: options.sample };
      await run(await planRun(name, { ...options, ...seed }, defaults), io);
    },
  );
  const scoreCommand = command
    .command('score')
    .description('score predictions')
    .argument('<benchmark>', 'name, as `eval list` shows it')
    .option('--data <file>', DATA)
    .requiredOption('--predictions <file>', 'lines {"index", "prediction"}')
    .addOption(new Option('--profile <name>', 'rules of scoring').choices(PROFILES).default('current'))
    .option('--json', 'print the report as JSON');
  addJudgeOptions(addSelectionOptions(scoreCommand)).action((name: string, options: ScoreOptions) =>
    score(name, options, io),
  );
  command
    .command('check')
    .description('replay scoring cases; exit status 1 when one disagrees')
    .argument('<cases.jsonl>', 'cases with their expected scores')
    .option('--json', 'print {file, total, failed, failures} as JSON')
    .action((file: string, options: CheckOptions) => check(file, options, io));
  command.addCommand(compareCommand(io));
  command.addCommand(reportCommand(io));
  return command;
}
