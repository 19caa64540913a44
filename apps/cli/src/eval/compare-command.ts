import {
  compareRuns,
  type ComparisonReport,
  formatFigure,
  openRun,
  requireComparable,
  type RunBenchmark,
} from '@pocketlens/evaluation';
import { Command } from 'commander';
import { UsageError } from '../errors.js';
import { formatTable } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { addJudgeOptions, judgeOf, type JudgeOptions } from './judge-options.js';
import { createEvaluationProgress, describeJudging } from './run-progress.js';
import { addSelectionOptions, type SelectionOptions, selectionOf } from './selection-options.js';
import { addStatisticsOptions, drawsOf, placeOf, type StatisticsOptions } from './statistics-options.js';

interface CompareOptions extends StatisticsOptions, SelectionOptions, JudgeOptions {
  readonly json?: true;
}

async function compare(pathA: string, pathB: string, options: CompareOptions, io: CliIo): Promise<void> {
  const [a, b] = [await onlyRun(pathA, options), await onlyRun(pathB, options)];
  requireComparable(a, b);
  const judge = judgeOf(options, a.predictions, io);
  const other = judge && judgeOf(options, b.predictions, io, { isTold: true });
  const progress = createEvaluationProgress(io);
  const report = await compareRuns({
    benchmark: a.benchmark,
    a: a.predictions,
    b: b.predictions,
    profile: options.profile,
    ...drawsOf(options),
    ...selectionOf(options),
    ...(judge && other && { judge: [judge, other], judgeConcurrency: options.judgeConcurrency }),
    onJudged: (event) => progress.update(describeJudging(event), event.judged / event.total),
    signal: io.signal,
  }).finally(() => progress.clear());
  if (options.json === true) return writeJson(io.stdout, { a: a.predictions, b: b.predictions, ...report });
  await write(io.stdout, describe(report, a, b));
}

async function onlyRun(path: string, options: CompareOptions): Promise<RunBenchmark> {
  const runs = await openRun(path, placeOf(options));
  if (runs.length === 1) return runs[0]!;
  const names = runs.map(({ benchmark }) => benchmark.benchmark.name).join(', ');
  throw new UsageError(`${path} holds several benchmarks: ${names}`, 'Add --benchmark NAME.');
}

const MOST_LISTED = 10;

function describe(report: ComparisonReport, a: RunBenchmark, b: RunBenchmark): string {
  const { headline, mcnemar, changed } = report;
  const winner = { a: 'A is better', b: 'B is better', neither: 'no difference beyond chance' }[report.better];
  const lines = [
    `${report.benchmark} (${report.profile}), ${report.paired} samples in both runs`,
    `A  ${a.predictions}`,
    `B  ${b.predictions}`,
    ...judged(report),
    '',
    formatTable([
      ['', 'A', 'B', 'B - A', `${report.level * 100} % interval`],
      ...[headline, ...report.figures].map(({ name, ...figure }) => [
        name,
        formatFigure(figure.a),
        formatFigure(figure.b),
        formatFigure(figure.difference),
        `${formatFigure(figure.low)} to ${formatFigure(figure.high)}`,
      ]),
    ]),
    '',
    `${winner}: p = ${formatFigure(headline.p)} (permutation test of ${headline.name}, ${report.clusters} groups of samples)`,
    ...(mcnemar
      ? [
          `McNemar: only A right ${mcnemar.onlyARight}, only B right ${mcnemar.onlyBRight}, p = ${formatFigure(mcnemar.p)}`,
        ]
      : []),
    `A difference of ${formatFigure(headline.detectable)} would be noticed four times in five.`,
    ...missing('A', report.onlyInA),
    ...missing('B', report.onlyInB),
    ...(report.inNeither > 0 ? [`${report.inNeither} samples have a score in neither run.`] : []),
    `${changed.length} samples changed${changed.length > MOST_LISTED ? `; the first ${MOST_LISTED}` : ''}${changed.length > 0 ? ':' : '.'}`,
    ...changed.slice(0, MOST_LISTED).map((one) => `  ${one.index}: ${formatFigure(one.a)} -> ${formatFigure(one.b)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function judged({ matching: { a, b } }: ComparisonReport): string[] {
  if (a.judge === undefined) return [];
  return [`judged by ${a.judge}: ${a.judged} samples of A, ${b.judged} of B`];
}

function missing(side: string, indices: readonly string[]): string[] {
  if (indices.length === 0) return [];
  const rest = indices.length > MOST_LISTED ? ' …' : '';
  return [
    `warning: only ${side} has a score for ${indices.length} samples, which are in no figure: ` +
      `${indices.slice(0, MOST_LISTED).join(', ')}${rest}`,
  ];
}

/** `pocketlens eval compare`: whether two runs differ. */
export function compareCommand(io: CliIo): Command {
  const command = new Command('compare')
    .description('compare two runs of a benchmark sample by sample, with a significance test')
    .argument('<run-a>', 'folder of a run, or its predictions file')
    .argument('<run-b>', 'the other one')
    .option('--json', 'print the comparison as JSON');
  return addJudgeOptions(addSelectionOptions(addStatisticsOptions(command))).action(
    (a: string, b: string, options: CompareOptions) => compare(a, b, options, io),
  );
}
