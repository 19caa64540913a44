// What quantisation costs: every storage of the converter against fp32, as tables for the converter's README.
//
//   npx tsc -b && node tools/bench/quantization-quality.mjs [--checkpoint DIR] [--readme packages/converter/README.md]
//
// DIR is a checkpoint of the embedded model: tools/tiny-model/README.md tells how to export one. Without it, the random
// golden model alone is measured.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { convert } from '@pocketlens/converter';
import { openModel } from '@pocketlens/runtime';
import { characterErrors, comparePosition, mean, quantile } from './quantization/measures.mjs';
import { goldenSubjects, readingSubjects } from './quantization/subjects.mjs';
import { convertVariants } from './quantization/variants.mjs';

const MAX_ANSWER = 256;
const START = '<!-- quantization-quality: tools/bench/quantization-quality.mjs writes from here -->';
const END = '<!-- quantization-quality: to here -->';

const { values: options } = parseArgs({
  options: { checkpoint: { type: 'string' }, readme: { type: 'string' }, questions: { type: 'string' } },
});
const log = (line) => process.stderr.write(`${line}\n`);

async function withModel(directory, dtype, use) {
  const model = await openModel(directory, { dtype, threads: 1 });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

/** Answers freely, for the error rate. */
async function answer(model, { prompt, ids, slices, imageBounds }, stopIds) {
  return model.generateFromIds({ ids: prompt ?? ids, slices, imageBounds, stopIds, maxNewTokens: MAX_ANSWER });
}

/** Logits of the positions from `firstPosition` on. */
async function positions(model, { ids, slices, imageBounds, firstPosition }) {
  const { vocabSize } = model.config;
  const logits = await model.forward({ ids, slices, imageBounds });
  return Array.from({ length: ids.length - firstPosition }, (_, i) =>
    logits.subarray((firstPosition + i) * vocabSize, (firstPosition + i + 1) * vocabSize),
  );
}

/** Compares a model with the exact one on all positions; its answers, too, where the prompts have some. */
async function compare(model, exact, reading) {
  const compared = [];
  const counts = [];
  for (const [index, subject] of exact.compared.entries()) {
    const rows = await positions(model, subject);
    const here = rows.map((row, i) => comparePosition(exact.rows[index][i], row));
    compared.push(...here);
    if (subject.reference === undefined) continue;
    // With the same favourite everywhere the free answer is the exact model's, the stop token included.
    const isSame = here.every(({ agrees }) => agrees);
    const ids = isSame ? subject.answer : await answer(model, subject, reading.stopIds);
    counts.push(characterErrors(reading.decode(ids), subject.reference));
  }
  return { compared, cer: errorRate(counts) };
}

function errorRate(counts) {
  if (counts.length === 0) return undefined;
  return mean(counts.map(({ errors }) => errors)) / mean(counts.map(({ length }) => length));
}

/** The exact model's own answers follow the prompts, so that all models are compared on the same positions. */
async function exactRun(model, subjects, reading) {
  const [compared, rows, counts] = [[], [], []];
  for (const subject of subjects) {
    const ids = reading === undefined ? [] : await answer(model, subject, reading.stopIds);
    const extended = { ...subject, answer: ids, prompt: subject.ids, ids: [...subject.ids, ...ids] };
    if (reading !== undefined) extended.firstPosition = subject.ids.length - 1;
    compared.push(extended);
    rows.push(await positions(model, extended));
    if (subject.reference !== undefined) counts.push(characterErrors(reading.decode(ids), subject.reference));
  }
  return { compared, rows, cer: errorRate(counts) };
}

async function measure(name, source, subjects, reading) {
  const root = await mkdtemp(path.join(tmpdir(), 'pocketlens-quality-'));
  try {
    const { directory } = await convert({ source, target: path.join(root, 'exact'), dtypes: ['fp32'] });
    const exact = await withModel(directory, 'fp32', (model) => exactRun(model, subjects, reading));
    const lines = [];
    for await (const variant of convertVariants(source, path.join(root, 'variants'))) {
      const result = await withModel(variant.directory, variant.open, (model) => compare(model, exact, reading));
      lines.push(tableLine(variant, result, exact.cer));
      log(`${name}: ${lines.at(-1)}`);
      await rm(variant.directory, { recursive: true });
    }
    return table(lines, exact, name);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const percent = (share, digits = 1) => `${(share * 100).toFixed(digits)} %`;
const signed = (share) => `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(1)}`;

function tableLine({ vision, decoder }, { compared, cer }, exactCer) {
  const divergences = compared.map(({ divergence }) => divergence);
  const agreement = compared.filter(({ agrees }) => agrees).length / compared.length;
  const cells = [
    vision,
    decoder,
    mean(divergences).toPrecision(2),
    quantile(divergences, 0.99).toPrecision(2),
    percent(agreement),
  ];
  if (cer !== undefined) cells.push(`${percent(cer)} (${signed(cer - exactCer)})`);
  return `| ${cells.join(' | ')} |`;
}

function table(lines, { compared, rows, cer }, name) {
  const count = rows.reduce((sum, list) => sum + list.length, 0);
  const heads = ['vision', 'decoder', 'KL, mean', 'KL, 99 %', 'same top token'];
  if (cer !== undefined) heads.push('CER (difference)');
  const about = `${name}: ${count} positions of ${compared.length} prompts${cer === undefined ? '' : `, CER of fp32 ${percent(cer)}`}`;
  return [`${about}.`, '', `| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`, ...lines].join('\n');
}

async function updateReadme(file, text) {
  const before = await readFile(file, 'utf8');
  const [start, end] = [before.indexOf(START), before.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`${file} lacks the marks that the tables stand between`);
  await writeFile(file, `${before.slice(0, start + START.length)}\n\n${text}\n\n${before.slice(end)}`);
}

async function readingTable(checkpoint) {
  const reading = await readingSubjects(checkpoint);
  const asked = reading.subjects
    .filter(({ metric }) => metric === 'cer')
    .slice(0, Number(options.questions ?? Infinity));
  return measure(
    'The embedded model, on its answers to the reading questions of the public sample',
    checkpoint,
    asked,
    reading,
  );
}

async function goldenTable() {
  const checkpoint = fileURLToPath(new URL('../golden/model', import.meta.url));
  return measure('A random model (the golden one), on every position', checkpoint, await goldenSubjects());
}

const tables = options.checkpoint === undefined ? [] : [await readingTable(options.checkpoint)];
const text = [...tables, await goldenTable()].join('\n\n');
process.stdout.write(`${text}\n`);
if (options.readme !== undefined) await updateReadme(options.readme, text);
