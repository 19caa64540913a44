import { readFile } from 'node:fs/promises';
import type { ChatOptions, Message } from '@pocketlens/runtime';

import type { Benchmark, GenerationSettings } from '../benchmarks/benchmark.js';
import type { ImageSource, Sample } from '../data/sample.js';
import { DatasetError } from '../errors.js';
import type { PromptPart, PromptStyle } from '../prompts/parts.js';

/** What a model is sent for a sample: plain data, pictures as the bytes of their files. */
export interface ModelRequest {
  readonly messages: readonly Message[];
  readonly options: Omit<ChatOptions, 'signal'>;
}

/** A sample that has no answer yet. */
export interface Question {
  /** The `index` of the sample. */
  readonly index: string;
  /** Reads the pictures; @throws {DatasetError} `DATASET_IMAGE` */
  request(): Promise<ModelRequest>;
}

/** How a benchmark's samples become questions. */
export interface QuestionSettings {
  /** Whose prompts are sent; default `minicpm`. */
  readonly promptStyle?: PromptStyle;
  /** Replaces the benchmark's own settings, for example `{ beams: 1 }` for greedy decoding. */
  readonly generation?: Partial<GenerationSettings>;
}

export function questionOf(benchmark: Benchmark, sample: Sample, settings: QuestionSettings): Question {
  return {
    index: sample.index,
    async request() {
      const parts = benchmark.prompt(sample, sample.imageCount, settings.promptStyle ?? 'minicpm');
      const images = await Promise.all((await sample.images()).map(readImage));
      return {
        messages: [{ role: 'user', content: parts.map((part) => contentPart(part, images)) }],
        options: { ...benchmark.generation(sample), ...settings.generation, imageMode: 'exact' },
      };
    },
  };
}

function contentPart(part: PromptPart, images: readonly Uint8Array[]): Exclude<Message['content'], string>[number] {
  if (part.type === 'text') return part;
  const image = images[part.image];
  if (!image)
    throw new DatasetError(
      'DATASET_IMAGE',
      `Expected image ${part.image + 1} of ${images.length}, which is not there.`,
    );
  return { type: 'image', image };
}

async function readImage(source: ImageSource): Promise<Uint8Array> {
  if (source.type === 'bytes') return source.bytes;
  return readFile(source.path).catch((cause: unknown) => {
    throw new DatasetError('DATASET_IMAGE', `Cannot read the image ${source.path}.`, { cause });
  });
}
