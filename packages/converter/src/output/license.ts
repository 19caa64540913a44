import { join } from 'node:path';
import type { JsonObject } from '../json.js';
import { readBounded } from '../read-bounded.js';

const UNKNOWN = 'unknown: see the source';
const MAX_LENGTH = 200;

/**
 * The licence of the weights as far as the checkpoint names one: the config's `license`, the model card's front matter,
 * or the licence file's name.
 */
export async function findLicense(source: string, config: JsonObject): Promise<string> {
  if (typeof config['license'] === 'string') return config['license'].slice(0, MAX_LENGTH);
  const card = new TextDecoder().decode(await readBounded(join(source, 'README.md'), 'README.md'));
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1] ?? '';
  const named = /^license(?:_name)?:[ \t]*(\S.*)$/m.exec(frontMatter)?.[1]?.trim();
  if (named !== undefined) return named.slice(0, MAX_LENGTH);
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt']) {
    if ((await readBounded(join(source, name), name)) !== undefined) return `see ${name}`;
  }
  return UNKNOWN;
}
