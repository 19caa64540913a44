import { performance } from 'node:perf_hooks';
import type { RgbImage } from '@pocketlens/preprocessing';
import type { ChatOptions, ChatTokenLogprobs, FinishPart, Message } from '@pocketlens/runtime';
import { Command } from 'commander';
import { addCascadeOptions, type CascadeOptions, openCascade, originNote, originOf } from '../cascade-options.js';
import { checkImageFile } from '../files.js';
import {
  addAnswerOptions,
  type AnswerOptions,
  generationOptions,
  roundedTimings,
  showProgress,
} from '../generation-options.js';
import { readPicture } from '../image-options.js';
import { type CliIo, write, writeJson } from '../io.js';
import { createProgress } from '../progress.js';
import { addProviderOptions, type OpenedModel } from '../provider-options.js';

interface AskOptions extends CascadeOptions, AnswerOptions {
  readonly json?: true;
  readonly prompt: string;
}

function conversation(images: readonly RgbImage[], { prompt, system }: AskOptions): Message[] {
  const parts = images.map((image) => ({ type: 'image' as const, image }));
  const question: Message = { role: 'user', content: [...parts, { type: 'text', text: prompt }] };
  return system === undefined ? [question] : [{ role: 'system', content: system }, question];
}

interface Answer {
  readonly text: string;
  readonly logprobs: readonly ChatTokenLogprobs[];
  readonly finish: FinishPart | undefined;
}

/** Streams the answer to `onText` and collects it. */
async function collect(
  model: OpenedModel,
  messages: readonly Message[],
  options: ChatOptions,
  onText: (text: string) => Promise<void>,
): Promise<Answer> {
  let text = '';
  const logprobs: ChatTokenLogprobs[] = [];
  let finish: FinishPart | undefined;
  for await (const part of model.chat(messages, options)) {
    if (part.type === 'finish') {
      finish = part;
      continue;
    }
    text += part.text;
    logprobs.push(...(part.logprobs ?? []));
    await onText(part.text);
  }
  return { text, logprobs, finish };
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

async function tellAnswer(
  model: OpenedModel,
  { text, logprobs, finish }: Answer,
  decodeMs: number,
  options: AskOptions,
  io: CliIo,
): Promise<void> {
  for (const { message } of finish?.warnings ?? []) io.stderr.write(`warning: ${message}\n`);
  if (options.json === true && finish !== undefined) {
    const { finishReason, usage } = finish;
    const timings = roundedTimings({ ...finish.timings, preprocessMs: finish.timings.preprocessMs + decodeMs });
    const answer = { model: model.name, answer: text.trim(), finishReason, usage, timings, ...originOf(finish) };
    return writeJson(io.stdout, options.logprobs === undefined ? answer : { ...answer, logprobs });
  }
  if (finish !== undefined) io.stderr.write(originNote(finish));
  if (finish?.finishReason === 'length') io.stderr.write('note: the answer was cut (see --max-new-tokens)\n');
}

async function run(files: readonly string[], options: AskOptions, io: CliIo): Promise<void> {
  const generation = generationOptions(options);
  const { images, decodeMs } = await readPictures(files, options, io);
  const progress = createProgress(io);
  progress.update('opening the model');
  let isLineOpen = false;
  try {
    const model = await openCascade(options, io);
    const chatOptions: ChatOptions = {
      ...generation,
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
    .requiredOption('-p, --prompt <text>', 'the question');
  addAnswerOptions(command).option(
    '--json',
    'print one JSON object: model, answer, finishReason, usage, timings, logprobs where asked for, and with --remote answeredBy and escalation',
  );
  return addCascadeOptions(addProviderOptions(command)).action((images: string[], options: AskOptions) =>
    run(images, options, io),
  );
}
