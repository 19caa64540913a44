import path from 'node:path';
import {
  type BenchmarkReport,
  DEFAULT_WORST,
  formatInterval,
  openRun,
  readPictures,
  reportBenchmark,
  reportCsv,
  type ReportedPicture,
  reportJson,
  reportMarkdown,
  reportPage,
  type RunBenchmark,
} from '@pocketlens/evaluation';
import { Command, Option } from 'commander';
import sharp from 'sharp';
import { writeWhole } from '../files.js';
import { formatTable } from '../format.js';
import { type CliIo, write } from '../io.js';
import { integer } from '../options.js';
import { createProgress } from '../progress.js';
import { addJudgeOptions, describeMatching, judgeOf, type JudgeOptions } from './judge-options.js';
import { addStatisticsOptions, drawsOf, placeOf, type StatisticsOptions } from './statistics-options.js';

interface ReportOptions extends StatisticsOptions, JudgeOptions {
  readonly html?: string;
  readonly csv?: string;
  readonly markdown?: string;
  readonly json?: string;
  readonly title?: string;
  readonly worst: number;
}

async function report(run: string, options: ReportOptions, io: CliIo): Promise<void> {
  const runs = await openRun(run, placeOf(options));
  const progress = createProgress(io);
  const reports: BenchmarkReport[] = [];
  try {
    for (const one of runs) {
      progress.update(`${one.benchmark.benchmark.name}: scoring and drawing`, reports.length / runs.length);
      const judge = judgeOf(options, one.predictions, io);
      reports.push(
        await reportBenchmark(one, {
          profile: options.profile,
          ...drawsOf(options),
          ...(judge && { judge, judgeConcurrency: options.judgeConcurrency }),
          signal: io.signal,
        }),
      );
    }
  } finally {
    progress.clear();
  }
  const title = options.title ?? runs.find(({ manifest }) => manifest)?.manifest?.model.name ?? path.basename(run);
  const { html, csv, markdown, json } = options;
  if (html !== undefined) {
    const pictures = await picturesOf(runs, reports, options.worst);
    await writeText(html, reportPage(reports, { title, worst: options.worst, pictures }));
  }
  if (csv !== undefined) await writeText(csv, reportCsv(reports));
  if (markdown !== undefined) await writeText(markdown, reportMarkdown(reports, title));
  if (json !== undefined) await writeText(json, `${JSON.stringify(reportJson(reports))}\n`);
  await write(io.stdout, describe(reports));
}

function describe(reports: readonly BenchmarkReport[]): string {
  const rows = reports.map(({ score, confidence }) => [
    score.benchmark,
    score.headline.name,
    formatInterval(confidence.headline),
    `${score.scored} of ${score.total} scored, ${score.failed} failed, ${score.missing} missing`,
    describeMatching(score.matching, score.unmatched),
  ]);
  return `${formatTable(rows)}\n`;
}

// Wide enough to read, small enough for sixty of them in a file.
const WIDEST_PICTURE = 900;
const TALLEST_PICTURE = 2400;
const KEPT_BYTES = 60_000;
const KEPT_TYPES: Readonly<Record<string, string>> = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp' };

async function picturesOf(
  runs: readonly RunBenchmark[],
  reports: readonly BenchmarkReport[],
  worst: number,
): Promise<Map<string, Map<string, ReportedPicture[]>>> {
  const all = new Map<string, Map<string, ReportedPicture[]>>();
  for (const [at, run] of runs.entries()) {
    const { score, samples } = reports[at]!;
    const shown = new Set(samples.slice(0, worst).map(({ index }) => index));
    const pictures = new Map<string, ReportedPicture[]>();
    for (const [index, images] of await readPictures(run, shown)) {
      const small = await Promise.all(images.map(shrink));
      pictures.set(
        index,
        small.filter((picture) => picture !== undefined),
      );
    }
    all.set(score.benchmark, pictures);
  }
  return all;
}

// A picture that nobody can decode is left out: the sample's failure says why.
async function shrink(bytes: Uint8Array): Promise<ReportedPicture | undefined> {
  try {
    const image = sharp(bytes);
    const { format, width, height } = await image.metadata();
    const mediaType = KEPT_TYPES[format];
    const isSmall = width <= WIDEST_PICTURE && height <= TALLEST_PICTURE && bytes.length <= KEPT_BYTES;
    if (isSmall && mediaType !== undefined) return { bytes, mediaType };
    const resized = image.resize(WIDEST_PICTURE, TALLEST_PICTURE, { fit: 'inside', withoutEnlargement: true });
    return { bytes: await resized.webp({ quality: 80 }).toBuffer(), mediaType: 'image/webp' };
  } catch {
    return undefined;
  }
}

function writeText(file: string, text: string): Promise<void> {
  return writeWhole(file, async (handle) => {
    await handle.writeFile(text);
  });
}

/** `pocketlens eval report`: what a run has answered, for people, spreadsheets and programs. */
export function reportCommand(io: CliIo): Command {
  const command = new Command('report')
    .description('report a run: figures with confidence intervals, categories, the worst samples')
    .argument('<run>', 'folder of a run, or its predictions file')
    .option('--html <file>', 'one self-contained page')
    .option('--csv <file>', 'a row a sample')
    .option('--markdown <file>', 'figures and the ten worst samples')
    .option('--json <file>', 'everything')
    .option('--title <text>', 'name of the model or run (default: that of the manifest)')
    .addOption(
      new Option('--worst <n>', 'samples of each benchmark on the page')
        .argParser(integer(0, 10_000))
        .default(DEFAULT_WORST),
    );
  return addJudgeOptions(addStatisticsOptions(command)).action((run: string, options: ReportOptions) =>
    report(run, options, io),
  );
}
