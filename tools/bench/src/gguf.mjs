// The GGUF stand-in, made once for a shape and kept.
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { folder } from './options.mjs';

/** Makes the file from the model's config.json unless it is there and not older. */
export async function makeGguf({ python, gguf, directory }) {
  const config = path.join(directory, 'config.json');
  const [made, wanted] = await Promise.all([stat(gguf).catch(() => undefined), stat(config)]);
  if (made !== undefined && made.mtimeMs >= wanted.mtimeMs) return;
  process.stderr.write(`making ${gguf}\n`);
  const child = spawn(python, [path.join(folder, 'python', 'make_gguf.py'), config, gguf], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`make_gguf.py ended with ${code}`);
}
