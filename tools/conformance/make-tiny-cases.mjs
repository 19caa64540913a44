// Questions about small pictures, prepared for the embedded model, and its greedy answers: the last check of the conformance
// suite. Run it after the embedded model has changed:
//
//   npx tsc -b && node tools/conformance/make-tiny-cases.mjs
//
// The answers are those of the float32 arithmetic of onnxruntime-node, whose logits the golden data prove. A question is
// taken only when the best id leads the second at every step by more than rounding can turn over.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel } from '@pocketlens/runtime';

const LEAST_MARGIN = 0.02;
const MOST_IDS = 120;
const QUESTIONS = [
  ['line-003', 'line-003-q1'],
  ['receipt-010', 'receipt-010-q1'],
  ['shape-023', 'shape-023-q2'],
];

const root = path.resolve(import.meta.dirname, '../..');
const reading = path.join(root, 'tools/golden/reading');
const target = path.join(root, 'packages/backend-conformance/tiny');

/** Opens models of `engine` that keep what the runtime asks them. */
function recording(engine) {
  const seen = {};
  const recordSequence = (sequence) => ({
    get length() {
      return sequence.length;
    },
    capacity: sequence.capacity,
    append: (parts, options) => {
      seen.parts ??= parts;
      return sequence.append(parts, options);
    },
    truncate: (length) => sequence.truncate(length),
    fork: () => recordSequence(sequence.fork()),
    dispose: () => sequence.dispose(),
  });
  const recordModel = (model) => ({
    capabilities: model.capabilities,
    config: model.config,
    encodeImages: (slices, options) => {
      seen.slices = slices;
      return model.encodeImages(slices, options);
    },
    createSequence: (options) => recordSequence(model.createSequence(options)),
    dispose: () => model.dispose(),
  });
  const loadModel = async (...load) => {
    seen.model = await engine.loadModel(...load);
    return recordModel(seen.model);
  };
  return { seen, backend: { ...engine, loadModel } };
}

/** Ids of the prompt, with `imageId` where an image's embeddings go, and the bounds of those. */
function flatten(parts, queries, imageId) {
  const ids = [];
  const imageBounds = [];
  for (const part of parts) {
    if ('ids' in part) {
      ids.push(...part.ids);
      continue;
    }
    imageBounds.push([ids.length, ids.length + queries]);
    ids.push(...Array.from({ length: queries }, () => imageId));
  }
  return { ids, imageBounds };
}

/** Pixels as the bytes that they were before normalisation. */
function toBytes({ pixelValues }) {
  const bytes = Uint8Array.from(pixelValues, (value) => Math.round((value * 0.5 + 0.5) * 255));
  const isSame = bytes.every((byte, i) => Math.fround(Math.fround(byte / 255) - 0.5) / 0.5 === pixelValues[i]);
  if (!isSame) throw new Error('the normalisation of the embedded model is not (x / 255 - 0.5) / 0.5');
  return bytes;
}

/** The best id at every step, the stop id included, and by how much it led at the closest one. */
async function answer(model, parts, stopIds) {
  const sequence = model.createSequence();
  const ids = [];
  let margin = Infinity;
  while (ids.length < MOST_IDS && !stopIds.includes(ids.at(-1))) {
    const next = ids.length === 0 ? parts : [{ ids: [ids.at(-1)] }];
    const { ids: best, values } = await sequence.append(next, { logits: { top: 2 } });
    ids.push(best[0]);
    margin = Math.min(margin, values[0] - values[1]);
  }
  sequence.dispose();
  return { ids, margin };
}

async function makeCase(name, id) {
  const { image, question } = answers.find((line) => line.id === id);
  const { seen, backend } = recording(onnxruntimeNode({ threads: 1 }));
  const model = await openModel(modelDirectory, { backend });
  const content = [
    { type: 'image', image: path.join(reading, image) },
    { type: 'text', text: question },
  ];
  const { text } = await model.generate([{ role: 'user', content }], { maxNewTokens: MOST_IDS });
  const features = await seen.model.encodeImages(seen.slices);
  const parts = seen.parts.map((part) => ('features' in part ? { features, slice: part.slice } : part));
  const { ids: expectedIds, margin } = await answer(seen.model, parts, stopIds);
  const { queries } = seen.model.config;
  await model.dispose();
  if (margin < LEAST_MARGIN) throw new Error(`${id}: a lead of ${margin} at one step is too small, take another`);
  const pixels = `${name}.bin`;
  const bytes = Buffer.concat(seen.slices.map(toBytes));
  const { ids, imageBounds } = flatten(seen.parts, queries, imageId);
  const targetSizes = seen.slices.map(({ targetSize }) => targetSize);
  return { bytes, stored: { question, answer: text, ids, imageBounds, targetSizes, pixels, expectedIds, margin } };
}

async function writeWhole(file, content) {
  await writeFile(`${file}.partial`, content);
  await rename(`${file}.partial`, file);
}

const readJson = async (file) => JSON.parse(await readFile(file, 'utf8'));
const lines = (await readFile(path.join(reading, 'answers.jsonl'), 'utf8')).trim().split('\n');
const answers = lines.map((line) => JSON.parse(line));
const { added_tokens_decoder: added } = await readJson(path.join(modelDirectory, 'tokenizer_config.json'));
const imageId = Number(Object.keys(added).find((key) => added[key].content === '<unk>'));
const { eos_token_id: stopIds } = await readJson(path.join(modelDirectory, 'generation_config.json'));
const manifest = await readFile(path.join(modelDirectory, 'pocketlens.json'));
const { patchSize } = JSON.parse(manifest.toString('utf8')).model;

await mkdir(target, { recursive: true });
const cases = [];
for (const [name, id] of QUESTIONS) {
  const { bytes, stored } = await makeCase(name, id);
  await writeWhole(path.join(target, stored.pixels), bytes);
  cases.push(stored);
  process.stderr.write(`${id}: "${stored.answer}", leading by ${stored.margin.toFixed(3)} or more\n`);
}
const model = createHash('sha256').update(manifest).digest('hex');
await writeWhole(path.join(target, 'cases.json'), `${JSON.stringify({ model, patchSize, stopIds, cases }, null, 1)}\n`);
