import { optionsOf, textOf, type DatasetRow } from '../data/sample.js';

/** A part of a prompt; `image` is the number of the image, from 0. */
export type PromptPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly image: number };

/**
 * Whose prompt is sent. `minicpm`: what MiniCPM-Llama3-V 2.5 is evaluated with. `default`: for a model without prompts
 * of its own. `minicpm-interleaved`: the same for MMMU as the runner of 2024 sent it, images at their tags. `vqaeval`:
 * the program behind the published TextVQA and DocVQA figures.
 */
export type PromptStyle = 'minicpm' | 'default' | 'minicpm-interleaved' | 'vqaeval';

/** Every prompt style, the default first. */
export const PROMPT_STYLES: readonly PromptStyle[] = ['minicpm', 'default', 'minicpm-interleaved', 'vqaeval'];

/** A text part. */
export function text(value: string): PromptPart {
  return { type: 'text', text: value };
}

/** All images of a question, in order. */
export function images(count: number): PromptPart[] {
  return Array.from({ length: count }, (_, image) => ({ type: 'image', image }));
}

/** Hint, question and lettered options, each on its line; ends with a newline. */
export function questionBlock(row: DatasetRow): string {
  const hint = row.cells['hint'] ?? undefined;
  const options = Object.entries(optionsOf(row));
  const lines = [
    ...(hint === undefined ? [] : [`Hint: ${hint}`]),
    `Question: ${textOf(row, 'question')}`,
    ...(options.length === 0 ? [] : ['Options:']),
    ...options.map(([letter, option]) => `${letter}. ${option}`),
  ];
  return `${lines.join('\n')}\n`;
}
