// The embedded model reads pictures, with or without drafts: `node peer.mjs ngram|none FILE.json --threads N`.
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { openModel } from '@pocketlens/runtime';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { threads: { type: 'string' } } });
const [speculation, list] = positionals;
const { pictures, newTokens } = JSON.parse(await readFile(list, 'utf8'));

/** Time from the first token to the last. */
async function read(model, { name, group, file, question }) {
  const content = [
    { type: 'image', image: file },
    { type: 'text', text: question },
  ];
  const options = { speculation, maxNewTokens: newTokens, reuse: false };
  let answer = '';
  let cpu;
  let start = 0;
  for await (const part of model.chat([{ role: 'user', content }], options)) {
    cpu ??= process.cpuUsage();
    start ||= performance.now();
    if (part.type === 'text-delta') {
      answer += part.text;
      continue;
    }
    const { user, system } = process.cpuUsage(cpu);
    const { completionTokens, draftedTokens = 0, acceptedTokens = 0 } = part.usage;
    const time = { ms: performance.now() - start, cpuMs: (user + system) / 1000 };
    return { name, group, answer, tokens: completionTokens, draftedTokens, acceptedTokens, ...time };
  }
}

const model = await openModel('tiny', { threads: Number(values.threads) });
await read(model, pictures[0]);
const answers = [];
for (const picture of pictures) answers.push(await read(model, picture));
process.stdout.write(`${JSON.stringify({ version: `${model.config.name} ${model.dtype}`, answers })}\n`);
await model.dispose();
