import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { VisionLanguageModel } from '@pocketlens/runtime';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const READING = ['line-002', 'line-003', 'paragraph-006', 'screen-013', 'screen-014', 'shape-023', 'shape-024'];
const MORE_READING = ['table-015', 'table-016', 'tall-017', 'wide-020'];

/** Twelve pictures in PNG, which every decoder reads to the same bytes, from the repository's root. */
export const pictures: readonly string[] = [
  ...[...READING, ...MORE_READING].map((name) => `tools/golden/reading/images/${name}.png`),
  'examples/receipt.png',
];

export const QUESTION = 'Read the text.';
export const MAX_NEW_TOKENS = 24;

export function readPicture(path: string): Promise<Uint8Array> {
  return readFile(`${root}${path}`);
}

/** The greedy answer of a model to the question about a picture. */
export async function answerIds(model: VisionLanguageModel, image: Uint8Array): Promise<readonly number[]> {
  const content = [
    { type: 'image', image },
    { type: 'text', text: QUESTION },
  ] as const;
  const { tokenIds } = await model.generate([{ role: 'user', content }], { maxNewTokens: MAX_NEW_TOKENS });
  return tokenIds;
}
