import { performance } from 'node:perf_hooks';
import type { RgbImage } from '@pocketlens/preprocessing';
import type {
  ChatOptions,
  ChatProgress,
  FinishPart,
  GenerationOptions,
  Message,
  Timings,
  VisionLanguageModel,
} from '@pocketlens/runtime';
import { Command, Option } from 'commander';
import { checkImageFile } from '../files.js';
import { readPicture } from '../image-options.js';
import { type CliIo, write, writeJson } from '../io.js';
import { addModelOptions, type ModelOptions, openModelFor } from '../model-options.js';
import { decimal, integer } from '../options.js';
import { createProgress, type Progress } from '../progress.js';

interface AskOptions extends ModelOptions {
  readonly prompt: string;
  readonly system?: string;
  readonly maxNewTokens?: number;
  readonly sampling?: true;
  readonly beams?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly exact?: true;
  readonly json?: true;
}

/** The given options only: what is absent is the runtime's to decide. */
function generationOptions(options: AskOptions): GenerationOptions {
  const { maxNewTokens, sampling, beams, temperature, topK, topP, repetitionPenalty, seed } = options;
  const given = { maxNewTokens, sampling, beams, temperature, topK, topP, repetitionPenalty, seed };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function conversation(images: readonly RgbImage[], { prompt, system }: AskOptions): Message[] {
  const parts = images.map((image) => ({ type: 'image' as const, image }));
  const question: Message = { role: 'user', content: [...parts, { type: 'text', text: prompt }] };
  return system === undefined ? [question] : [{ role: 'system', content: system }, question];
}

function showProgress(progress: Progress, { phase, done, total }: ChatProgress): void {
  progress.update(phase === 'encode' ? 'looking at the picture' : 'reading the question', done / total);
}

interface Answer {
  readonly text: string;
  readonly finish: FinishPart | undefined;
}

/** Streams the answer to `onText` and collects it. */
async function collect(
  model: VisionLanguageModel,
  messages: readonly Message[],
  options: ChatOptions,
  onText: (text: string) => Promise<void>,
): Promise<Answer> {
  let text = '';
  let finish: FinishPart | undefined;
  for await (const part of model.chat(messages, options)) {
    if (part.type === 'finish') {
      finish = part;
      continue;
    }
    text += part.text;
    await onText(part.text);
  }
  return { text, finish };
}

interface Pictures {
  readonly images: readonly RgbImage[];
  readonly decodeMs: number;
}

/** Decodes before the model is opened: a bad picture is told at once. */
async function readPictures(files: readonly string[], options: AskOptions, io: CliIo): Promise<Pictures> {
  for (const file of files) await checkImageFile(file);
  const started = performance.now();
  const images: RgbImage[] = [];
  for (const file of files) images.push(await readPicture(file, options, io));
  return { images, decodeMs: performance.now() - started };
}

/** Digits beyond a hundredth are noise. */
function rounded(timings: Timings): Timings {
  const entries = Object.entries(timings).map(([name, value]: [string, number]) => [
    name,
    Math.round(value * 100) / 100,
  ]);
  return { ...timings, ...Object.fromEntries(entries) };
}

async function tellAnswer(
  model: VisionLanguageModel,
  { text, finish }: Answer,
  decodeMs: number,
  { json }: AskOptions,
  io: CliIo,
): Promise<void> {
  for (const { message } of finish?.warnings ?? []) io.stderr.write(`warning: ${message}\n`);
  if (json === true && finish !== undefined) {
    const { finishReason, usage } = finish;
    const timings = rounded({ ...finish.timings, preprocessMs: finish.timings.preprocessMs + decodeMs });
    return writeJson(io.stdout, { model: model.config.name, answer: text.trim(), finishReason, usage, timings });
  }
  if (finish?.finishReason === 'length') io.stderr.write('note: the answer was cut (see --max-new-tokens)\n');
}

async function run(files: readonly string[], options: AskOptions, io: CliIo): Promise<void> {
  const { images, decodeMs } = await readPictures(files, options, io);
  const progress = createProgress(io);
  progress.update('opening the model');
  let isLineOpen = false;
  try {
    const model = await openModelFor(options, io);
    const chatOptions: ChatOptions = {
      ...generationOptions(options),
      signal: io.signal,
      onProgress: (event) => showProgress(progress, event),
    };
    const answer = await collect(model, conversation(images, options), chatOptions, async (text) => {
      progress.clear();
      if (options.json === true) return;
      isLineOpen = true;
      await write(io.stdout, text);
    });
    progress.clear();
    if (options.json !== true) await write(io.stdout, '\n');
    isLineOpen = false;
    await tellAnswer(model, answer, decodeMs, options, io);
    await model.dispose();
  } finally {
    progress.clear();
    if (isLineOpen) await write(io.stdout, '\n');
  }
}

/** `pocketlens ask`: one answer about pictures. */
export function askCommand(io: CliIo): Command {
  const command = new Command('ask')
    .description('answer a question about pictures')
    .argument('<image...>', 'image files')
    .requiredOption('-p, --prompt <text>', 'the question')
    .option('--system <text>', 'instructions before the question')
    .addOption(new Option('--max-new-tokens <n>', 'longest answer').argParser(integer(1, 8192)))
    .addOption(
      new Option('--sampling', 'draw tokens with the published settings instead of taking the best').conflicts('beams'),
    )
    .addOption(new Option('--beams <n>', 'beam search of this width').argParser(integer(1, 32)))
    .addOption(new Option('--temperature <x>', 'sampling temperature').argParser(decimal(0, 100)))
    .addOption(new Option('--top-k <n>', 'sample among the n best tokens').argParser(integer(0, 1_000_000)))
    .addOption(new Option('--top-p <x>', 'sample among the best tokens of this probability').argParser(decimal(0, 1)))
    .addOption(new Option('--repetition-penalty <x>', 'penalty on tokens already used').argParser(decimal(0, 100)))
    .addOption(new Option('--seed <n>', 'seed of the sampling').argParser(integer(0, Number.MAX_SAFE_INTEGER)))
    .option('--exact', 'read pixels as the reference code does: EXIF, transparency and profiles ignored')
    .option('--json', 'print one JSON object: model, answer, finishReason, usage, timings');
  return addModelOptions(command).action((images: string[], options: AskOptions) => run(images, options, io));
}
