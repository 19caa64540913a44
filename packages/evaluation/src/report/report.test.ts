import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createRunManifest, manifestFileOf, writeRunManifest } from '../manifest/run-manifest.js';
import { reportCsv } from './csv.js';
import { escapeHtml } from './html/markup.js';
import { reportPage } from './html/page.js';
import { leaderboardOf } from './leaderboard.js';
import { reportMarkdown } from './markdown.js';
import { openCompassAverage } from './opencompass.js';
import { publishedColumns, publishedModels } from './published.js';
import { type BenchmarkReport, readPictures, reportBenchmark, reportJson } from './report.js';
import { openRun, requireComparable, type RunBenchmark } from './run-folder.js';

const GOLDEN = join(import.meta.dirname, '../../../../tools/golden');
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style></script><!--',
  '\u0000\u0008 \uD800 \u202E evil',
  '=HYPERLINK("http://example.com")',
  '| a | [link](javascript:alert(1)) <b> `x` @everyone\n# heading',
];

let folder: string;
let run: RunBenchmark;
let report: BenchmarkReport;

async function writeRun(name: string, lines: readonly object[]): Promise<string> {
  const file = join(folder, name, 'Reading.jsonl');
  await writeRunManifest(
    manifestFileOf(file),
    createRunManifest({
      benchmark: 'Reading',
      data: { file: join(GOLDEN, 'reading'), samples: 54, sha256: 'aa' },
      model: { name: '<i>model</i>', provider: 'local', location: '/m', sha256: 'bb', options: {} },
      settings: { promptStyle: 'minicpm', generation: {}, limit: 20, seed: null },
      versions: {},
      startedAt: '2026-11-27T12:00:00.000Z',
    }),
  );
  await writeFile(file, lines.map((line) => `${JSON.stringify({ benchmark: 'Reading', ...line })}\n`).join(''));
  return join(folder, name);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-report-'));
  const probe = await openRun(await writeRun('empty', []));
  const indices: string[] = [];
  for await (const { index } of probe[0]!.benchmark.dataset.samples()) indices.push(index);
  const lines = indices.slice(0, 18).map((index, at) => ({ index, prediction: HOSTILE[at % HOSTILE.length] }));
  const failure = { code: 'BROKEN', message: '<b>no</b>' };
  [run] = (await openRun(await writeRun('hostile', [...lines, { index: indices[18], error: failure }]))) as [
    RunBenchmark,
  ];
  report = await reportBenchmark(run, { resamples: 49 });
});
afterAll(() => rm(folder, { recursive: true }));

const tags = (page: string): string[] => page.match(/<[a-zA-Z!/][^>]*>/g) ?? [];

describe('a report', () => {
  it('counts, explains and orders every sample', () => {
    expect(report.score).toMatchObject({ total: 20, scored: 18, failed: 1, missing: 1, isComplete: false });
    expect(report.samples).toHaveLength(20);
    expect(report.samples.map(({ status }) => status).slice(-2)).toEqual(['failed', 'missing']);
    const scores = report.samples.slice(0, 18).map(({ score }) => score!);
    expect([...scores].sort((a, b) => a - b)).toEqual(scores);
    expect(report.samples.find(({ index }) => index === 'line-001-q1')).toMatchObject({
      prompt: '[picture]\nRead the text.',
      answer: HOSTILE[0],
      reference: 'Keep the medicine away from children and direct sunlight.',
      why: expect.stringMatching(/^\d+ of 57 characters/) as unknown,
    });
    for (const { score, low, high } of report.categories) {
      expect(low).toBeLessThanOrEqual(score);
      expect(high).toBeGreaterThanOrEqual(score);
    }
  });

  it('as JSON holds everything', () => {
    const json = reportJson([report]) as unknown as { benchmarks: BenchmarkReport[] };
    expect(json.benchmarks[0]!.samples).toHaveLength(20);
    expect(json.benchmarks[0]!.confidence.figures).toContainEqual({
      name: 'line / exact',
      value: 'NaN',
      low: 'NaN',
      high: 'NaN',
    });
  });

  it('as CSV has a row a sample and no formulas', () => {
    const csv = reportCsv([report]);
    expect(csv).toContain(`"'=HYPERLINK(""http://example.com"")"`);
    let rows = 0;
    let quoted = false;
    for (const character of csv) {
      if (character === '"') quoted = !quoted;
      if (character === '\n' && !quoted) rows += 1;
    }
    expect(rows).toBe(21);
  });

  it('as Markdown lets no sample become markup', () => {
    const markdown = reportMarkdown([report], '<i>model</i>');
    expect(markdown).not.toMatch(/<[a-z]/i);
    expect(markdown).not.toContain('](javascript');
    expect(markdown).not.toContain('@everyone');
    expect(markdown.match(/^# /gm)).toHaveLength(1);
  });
});

describe('a page', () => {
  it('shows hostile texts as texts', async () => {
    const pictures = new Map([
      ['Reading', new Map([['line-001-q1', [{ bytes: Buffer.from('x'), mediaType: 'image/png' }]]])],
    ]);
    const page = reportPage([report], { title: '<i>model</i>', pictures });
    const harmless = { ...report, samples: report.samples.map((one) => ({ ...one, answer: 'x', why: 'x' })) };
    // Each tag is one of the page's own: as many as with harmless texts.
    expect(tags(page).length).toBe(tags(reportPage([harmless], { title: 'model', pictures })).length);
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page.match(/<img/g)).toHaveLength(1);
    expect(page).not.toMatch(/<[^>]* on[a-z]+=/);
    expect(page).not.toContain('\u0000');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('Failed (BROKEN): &lt;b&gt;no&lt;/b&gt;');
  });

  it('allows exactly its own style and script, and loads nothing', () => {
    const page = reportPage([report], { title: 'model' });
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll('&#39;', "'");
    for (const [kind, pattern] of [
      ['style-src', /<style>([^]*?)<\/style>/],
      ['script-src', /<script>([^]*?)<\/script>/],
    ] as const) {
      const hash = createHash('sha256').update(pattern.exec(page)![1]!).digest('base64');
      expect(policy).toContain(`${kind} 'sha256-${hash}'`);
    }
    expect(policy).toContain("default-src 'none'");
    expect(page).not.toMatch(/(?:src|href)="(?!#|data:)/);
    expect(page).not.toMatch(/<[^>]* style=/);
    expect(page).not.toMatch(/url\(/);
  });

  it('escapes any text so that it stays in its place', () => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 50 }), (units) => {
        const escaped = escapeHtml(String.fromCharCode(...units, ...Buffer.from('<"&')));
        expect(escaped).not.toMatch(/[<>"']|(?![\t\n\r])\p{Cc}/u);
        expect(escaped.isWellFormed()).toBe(true);
      }),
    );
  });

  it('can do without a picture that cannot be read', async () => {
    const pictures = await readPictures(run, new Set(['line-001-q1', 'absent']));
    expect(pictures.get('line-001-q1')).toHaveLength(1);
  });
});

describe('the folder of a run', () => {
  it('is refused when it is not there, is empty, or is of something else', async () => {
    await expect(openRun(join(folder, 'absent'))).rejects.toMatchObject({ code: 'RUN_FOLDER' });
    await expect(openRun(join(folder, 'hostile'), { benchmark: 'MME' })).rejects.toMatchObject({ code: 'RUN_FOLDER' });
    const other = { ...run, manifest: { ...run.manifest!, data: { ...run.manifest!.data, sha256: 'cc' } } };
    expect(() => requireComparable(run, other)).toThrow(expect.objectContaining({ code: 'RUNS_MISMATCH' }));
    expect(() => requireComparable(run, run)).not.toThrow();
  });
});

describe('published figures', () => {
  it('fill every column of every model', () => {
    expect(publishedModels).toHaveLength(15);
    for (const { figures } of publishedModels) expect(figures).toHaveLength(publishedColumns.length);
  });

  const published = {
    MMBench_TEST_EN: 77.2,
    MMBench_TEST_CN: 74.2,
    MMStar: 51.8,
    MME: 2024.6,
    MMMU_DEV_VAL: 45.8,
    MathVista_MINI: 54.3,
    HallusionBench: 42.4,
    AI2D_TEST: 78.4,
    OCRBench: 725,
    SEEDBench_IMG: 72.3,
    MMVet: 52.8,
    LLaVABench: 86.7,
  };

  it('give the published averages', () => {
    expect(openCompassAverage(published)).toEqual({ average: 65.1, missing: [] });
    const later = { ...published, MMBench_TEST_EN_V11: 72.2, MMBench_TEST_CN_V11: 71.8 };
    expect(openCompassAverage(later, 'later')).toEqual({ average: 58.8, missing: [] });
    const { MMStar: _, ...part } = published;
    expect(openCompassAverage(part)).toEqual({ average: undefined, missing: ['MMStar'] });
  });

  it('stand beside the run in the columns that it has', () => {
    const ocr = (value: number, isComplete: boolean): BenchmarkReport => ({
      ...report,
      score: {
        ...report.score,
        benchmark: 'OCRBench',
        headline: { name: 'Final Score', value, best: 1000 },
        isComplete,
      },
    });
    expect(leaderboardOf([report], 'mine')).toBeUndefined();
    const board = leaderboardOf([ocr(700, false), report], 'mine')!;
    expect(board.columns).toEqual(['OCRBench']);
    expect(board.rows.slice(0, 3)).toEqual([
      { model: 'MiniCPM-Llama3-V 2.5', isOurs: false, figures: [725] },
      { model: 'mine', isOurs: true, figures: [700] },
      { model: 'Gemini Pro', isOurs: false, figures: [680] },
    ]);
    expect(board.rows.map(({ model }) => model)).not.toContain('Idefics2 8B');
    expect(board.notes).toHaveLength(1);
    expect(reportPage([ocr(700, true)], { title: 'mine' })).toContain('mine (this run)');
  });
});
