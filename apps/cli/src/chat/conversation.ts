import type { RgbImage } from '@pocketlens/preprocessing';
import type { ChatTokenLogprobs, ContentPart, FinishPart, GenerationOptions } from '@pocketlens/runtime';
import { originNote, originOf } from '../cascade-options.js';
import { checkImageFile } from '../files.js';
import { type AnswerOptions, roundedTimings, showProgress } from '../generation-options.js';
import { readPicture } from '../image-options.js';
import { type CliIo, write, writeJson } from '../io.js';
import { createProgress, type Progress } from '../progress.js';
import type { OpenedModel } from '../provider-options.js';
import type { Transcript, Turn } from './transcript.js';
import { openTurns, type Turns } from './turns.js';

export interface Picture {
  readonly file: string;
  readonly image: RgbImage;
}

/** Reads a picture from a file. */
export async function loadPicture(file: string, options: AnswerOptions, io: CliIo): Promise<Picture> {
  await checkImageFile(file);
  return { file, image: await readPicture(file, options, io) };
}

/** A conversation with a model, written to standard output as it goes. */
export class Conversation {
  readonly #model: OpenedModel;
  readonly #options: AnswerOptions;
  readonly #generation: GenerationOptions;
  readonly #io: CliIo;
  readonly #progress: Progress;
  #session: Turns;
  #pictures: readonly Picture[] = [];
  #turns: readonly Turn[] = [];

  constructor(model: OpenedModel, settings: { options: AnswerOptions; generation: GenerationOptions; io: CliIo }) {
    this.#model = model;
    this.#options = settings.options;
    this.#generation = settings.generation;
    this.#io = settings.io;
    this.#progress = createProgress(settings.io);
    this.#session = this.#open();
  }

  get transcript(): Transcript {
    const { system } = this.#options;
    const { name } = this.#model;
    return { model: name, ...(system === undefined ? {} : { system }), turns: this.#turns };
  }

  /** Puts a picture before the next question. */
  addPicture(picture: Picture): void {
    this.#pictures = [...this.#pictures, picture];
  }

  /** Forgets the turns and the pictures. */
  clear(): void {
    this.#session.dispose();
    this.#session = this.#open();
    this.#pictures = [];
    this.#turns = [];
  }

  /** Asks and writes the answer. A stopped or failed question is not remembered, but its pictures wait for the next one. */
  async ask(question: string, signal: AbortSignal): Promise<void> {
    const images = this.#pictures.map(({ image }) => ({ type: 'image' as const, image }));
    const content: readonly ContentPart[] = [...images, { type: 'text', text: question }];
    const onProgress = (event: Parameters<typeof showProgress>[1]): void => showProgress(this.#progress, event);
    let answer = '';
    const logprobs: ChatTokenLogprobs[] = [];
    try {
      for await (const part of this.#session.send(content, { ...this.#generation, signal, onProgress })) {
        this.#progress.clear();
        if (part.type === 'finish') {
          await this.#finish(question, { answer, logprobs, finish: part });
          continue;
        }
        answer += part.text;
        logprobs.push(...(part.logprobs ?? []));
        if (this.#options.json !== true) await write(this.#io.stdout, part.text);
      }
    } catch (error) {
      // What comes next begins on a line of its own.
      if (answer !== '' && this.#options.json !== true) await write(this.#io.stdout, '\n');
      throw error;
    } finally {
      this.#progress.clear();
    }
  }

  async #finish(
    question: string,
    { answer, logprobs, finish }: { answer: string; logprobs: readonly ChatTokenLogprobs[]; finish: FinishPart },
  ): Promise<void> {
    const { finishReason, usage, timings, warnings } = finish;
    const text = answer.trim();
    this.#turns = [...this.#turns, { question, images: this.#pictures.map(({ file }) => file), answer: text }];
    this.#pictures = [];
    const { stdout, stderr } = this.#io;
    if (this.#options.json === true) {
      const model = this.#model.name;
      const line = {
        model,
        question,
        answer: text,
        finishReason,
        usage,
        timings: roundedTimings(timings),
        ...originOf(finish),
      };
      await writeJson(stdout, this.#options.logprobs === undefined ? line : { ...line, logprobs });
    } else await write(stdout, '\n');
    for (const { message } of warnings) stderr.write(`warning: ${message}\n`);
    stderr.write(originNote(finish));
    if (finishReason === 'length') stderr.write('note: the answer was cut (see --max-new-tokens)\n');
  }

  #open(): Turns {
    return openTurns(this.#model, this.#options.system);
  }
}
