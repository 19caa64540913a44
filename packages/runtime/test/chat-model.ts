import { convert } from '@pocketlens/converter';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../tools/golden/model/', import.meta.url));

const CONTROL_TOKENS = [
  '<|begin_of_text|>',
  '<|end_of_text|>',
  '<unk>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<image>',
  '</image>',
  '<slice>',
  '</slice>',
  '<image_id>',
  '</image_id>',
];

/** Ids of the control tokens of the test vocabulary: 256 single bytes, then these, then reserved ones to 511. */
export const controlIds: ReadonlyMap<string, number> = new Map(
  CONTROL_TOKENS.map((name, index) => [name, 256 + index]),
);

/**
 * Converts the golden checkpoint with a byte vocabulary beside it, so that the random model can chat.
 *
 * Its answers are noise, but always the same noise.
 */
export async function makeChatModel(
  config: object = {},
  preprocessor?: object,
): Promise<{ readonly directory: string; readonly remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'pocketlens-chat-'));
  const source = join(root, 'checkpoint');
  await cp(folder, source, { recursive: true, filter: (path) => !path.endsWith('.npy') });
  const published = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as object;
  await writeFile(join(source, 'config.json'), JSON.stringify({ ...published, eos_token_id: 257, ...config }));
  await writeFile(join(source, 'generation_config.json'), JSON.stringify({ eos_token_id: 257 }));
  if (preprocessor !== undefined)
    await writeFile(join(source, 'preprocessor_config.json'), JSON.stringify(preprocessor));
  const ranks = Array.from({ length: 256 }, (_, byte) => `${Buffer.of(byte).toString('base64')} ${byte}\n`);
  await writeFile(join(source, 'tokenizer.model'), ranks.join(''));
  const names = Array.from({ length: 256 }, (_, index) => CONTROL_TOKENS[index] ?? `<|reserved_${index}|>`);
  const added = Object.fromEntries(names.map((content, index) => [256 + index, { content, special: true }]));
  await writeFile(join(source, 'tokenizer_config.json'), JSON.stringify({ added_tokens_decoder: added }));
  const directory = join(root, 'model');
  await convert({ source, target: directory, dtypes: ['fp32'] });
  return { directory, remove: () => rm(root, { recursive: true, force: true }) };
}
