// What the models are asked: golden prompts as ids, or questions about pictures with the prompt that the runtime builds.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeImage, parsePreprocessorConfig, preprocess } from '@pocketlens/preprocessing';
import { Llama3Tokenizer } from '@pocketlens/tokenizer';

const golden = fileURLToPath(new URL('../../golden/', import.meta.url));
const readJson = async (file) => JSON.parse(await readFile(file, 'utf8'));

/** Prompts of the random golden model; every position counts, and 20 greedy ones after them. */
export async function goldenSubjects() {
  const directory = path.join(golden, 'model');
  const { prompts, images } = await readJson(path.join(directory, 'cases.json'));
  const slice = async (name) => {
    const { packed_u8: file, tgt_size: targetSize } = images[name];
    const bytes = await readFile(path.join(directory, file));
    const pixels = bytes.subarray(10 + bytes.readUInt16LE(8));
    return { pixelValues: Float32Array.from(pixels, (value) => Math.fround(value / 255 - 0.5) / 0.5), targetSize };
  };
  const subjects = [];
  for (const { input_ids: ids, image_bounds: imageBounds, images: names, greedy_20: greedy } of prompts) {
    const slices = await Promise.all(names.map(slice));
    subjects.push({ ids: [...ids, ...greedy.slice(0, -1)], slices, imageBounds, firstPosition: 0 });
  }
  return subjects;
}

/** Questions of the public reading sample, as prompts of a model that sees each picture as one slice. */
export async function readingSubjects(checkpoint) {
  const file = (name) => path.join(checkpoint, name);
  const specialTokens = await readJson(file('tokenizer_config.json'));
  const tokenizer = await Llama3Tokenizer.load(await readFile(file('tokenizer.model')), { specialTokens });
  const config = await readJson(file('config.json'));
  const preprocessing = parsePreprocessorConfig(await readJson(file('preprocessor_config.json')));
  const directory = path.join(golden, 'reading');
  const lines = (await readFile(path.join(directory, 'answers.jsonl'), 'utf8')).trim().split('\n');
  const pictures = new Map();
  const subjects = [];
  for (const { image, question, answer, metric } of lines.map((line) => JSON.parse(line))) {
    if (!pictures.has(image)) {
      pictures.set(image, (await preprocess(await decodeImage(path.join(directory, image)), preprocessing)).slices);
    }
    const slices = pictures.get(image);
    if (slices.length !== 1) throw new Error('a model without slices is expected (max_slice_nums 1)');
    subjects.push({ ...prompt(tokenizer, question, config.query_num), slices, reference: answer, metric });
  }
  const end = ['<|end_of_text|>', '<|eot_id|>'].map((name) => tokenizer.specialTokens.get(name));
  return { subjects, stopIds: end, decode: (ids) => tokenizer.decode(ids, { skipSpecial: true }) };
}

function prompt(tokenizer, question, queries) {
  const control = (name) => tokenizer.specialTokens.get(name);
  const text = (value) => [...tokenizer.encode(value, { special: 'text' })];
  const head = [
    control('<|begin_of_text|>'),
    control('<|start_header_id|>'),
    ...text('user'),
    control('<|end_header_id|>'),
    ...text('\n\n'),
    control('<image>'),
  ];
  const tail = [
    control('</image>'),
    ...text(`\n${question}`),
    control('<|eot_id|>'),
    control('<|start_header_id|>'),
    ...text('assistant'),
    control('<|end_header_id|>'),
    ...text('\n\n'),
  ];
  const image = Array.from({ length: queries }, () => control('<unk>'));
  return { ids: [...head, ...image, ...tail], imageBounds: [[head.length, head.length + queries]] };
}
