// Tokenizer files of the shipped Llama 3 vocabulary, with the names that MiniCPM-Llama3-V 2.5 gives to reserved ids.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS } from '../../packages/tokenizer/dist/index.js';
import { llama3SpecialTokens } from '../../packages/tokenizer/dist/llama3-special-tokens.js';
import { loadLlama3Vocabulary } from '../../packages/tokenizer/dist/llama3-vocabulary.js';

export async function writeTokenizerFiles(folder) {
  const { bytes, starts } = await loadLlama3Vocabulary();
  const lines = [];
  for (let id = 0; id + 1 < starts.length; id++) {
    lines.push(`${Buffer.from(bytes.subarray(starts[id], starts[id + 1])).toString('base64')} ${id}\n`);
  }
  await writeFile(path.join(folder, 'tokenizer.model'), lines.join(''));

  const names = new Map([...llama3SpecialTokens()].map(([name, id]) => [id, name]));
  for (const [name, id] of Object.entries(MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS)) names.set(id, name);
  const added = Object.fromEntries([...names].map(([id, content]) => [id, { content, special: true }]));
  const config = {
    added_tokens_decoder: added,
    bos_token: '<|begin_of_text|>',
    eos_token: '<|end_of_text|>',
    unk_token: '<unk>',
  };
  await writeFile(path.join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, undefined, 2)}\n`);
}
