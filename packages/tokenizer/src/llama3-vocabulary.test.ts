import { expect, it } from 'vitest';
import { readGolden } from '../test/golden.js';
import { parseRankFile } from '../test/tokenizer-file.js';
import { loadLlama3Vocabulary } from './llama3-vocabulary.js';

it('ships exactly the published Llama 3 rank file', async () => {
  const { bytes, starts } = await loadLlama3Vocabulary();
  const published = parseRankFile(readGolden('llama3.tiktoken'));
  expect(published).toHaveLength(128_000);
  expect(starts).toHaveLength(128_001);
  const wrong = published.filter((token, id) => {
    const shipped = bytes.subarray(starts[id], starts[id + 1]);
    return shipped.length !== token.length || shipped.some((byte, i) => byte !== token.charCodeAt(i));
  });
  expect(wrong).toEqual([]);
});
