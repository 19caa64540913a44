import { extname } from 'node:path';
import { writeWhole } from '../files.js';

/** A turn of a conversation as it is written to a file. */
export interface Turn {
  readonly question: string;
  /** Files of the pictures that came with the question. */
  readonly images: readonly string[];
  readonly answer: string;
}

export interface Transcript {
  readonly model: string;
  readonly system?: string;
  readonly turns: readonly Turn[];
}

/** Writes a conversation as JSON to a file that ends with `.json`, else as text for people. */
export async function saveTranscript(target: string, transcript: Transcript): Promise<void> {
  const isJson = extname(target).toLowerCase() === '.json';
  const content = isJson ? `${JSON.stringify(transcript, undefined, 2)}\n` : asText(transcript);
  await writeWhole(target, async (file) => {
    await file.writeFile(content);
  });
}

function asText({ model, system, turns }: Transcript): string {
  const head = [`# Conversation with ${model}`, ...(system === undefined ? [] : [`System: ${system}`])];
  const body = turns.flatMap(({ question, images, answer }) => [
    [...images.map((file) => `Picture: ${file}`), `> ${question.replaceAll('\n', '\n> ')}`].join('\n'),
    answer,
  ]);
  return `${[...head, ...body].join('\n\n')}\n`;
}
