// What a conversion takes beside copying the same files: time, processor time and memory, in interleaved rounds.
//
//   npm run build && node tools/bench/conversion.mjs --checkpoint DIR --scratch DIR [--dtype q4,int8,fp16] [--threads N] [--rounds 3]
//
// Each round copies the checkpoint and converts it once to each storage. The checkpoint is read once before, so that it comes from
// memory where it fits. On a busy machine compare processor times.
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    checkpoint: { type: 'string' },
    scratch: { type: 'string' },
    dtype: { type: 'string', default: 'q4' },
    threads: { type: 'string' },
    rounds: { type: 'string', default: '3' },
  },
});
if (options.checkpoint === undefined || options.scratch === undefined) {
  process.stderr.write(
    'usage: node tools/bench/conversion.mjs --checkpoint DIR --scratch DIR [--dtype LIST] [--rounds N]\n',
  );
  process.exit(2);
}

/** Seconds by the clock and of processors, bytes of memory at most. */
function convertOnce(target, dtype) {
  const settings = {
    source: path.resolve(options.checkpoint),
    target,
    dtypes: [dtype],
    ...(options.threads === undefined ? {} : { threads: Number(options.threads) }),
  };
  const program = `
    import { convert } from ${JSON.stringify(import.meta.resolve('@pocketlens/converter'))};
    const start = performance.now();
    await convert(${JSON.stringify(settings)});
    const wall = (performance.now() - start) / 1000;
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    console.log(JSON.stringify({ wall, cpu: (userCPUTime + systemCPUTime) / 1e6, memory: maxRSS * 1024 }));`;
  return JSON.parse(run(process.execPath, ['--input-type=module', '--eval', program]));
}

/**
 * `cp`, timed by the shell, until the files are on the disk: a conversion flushes what it writes, and what a copy left in
 * memory would be written at its expense.
 */
function copyOnce(target) {
  const start = performance.now();
  const text = run('sh', ['-c', 'cp -r "$0" "$1" && sync "$1"/* && times', path.resolve(options.checkpoint), target]);
  const wall = (performance.now() - start) / 1000;
  const [minutes = 0, seconds = 0, systemMinutes = 0, systemSeconds = 0] = text
    .split('\n')[1]
    .match(/[\d.]+/g)
    .map(Number);
  return { wall, cpu: (minutes + systemMinutes) * 60 + seconds + systemSeconds };
}

function run(command, parameters) {
  const { status, stdout, error } = spawnSync(command, parameters, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ended with ${status}`, { cause: error });
  return stdout;
}

async function readAll(directory) {
  for (const name of await readdir(directory)) {
    for await (const _ of createReadStream(path.join(directory, name), { highWaterMark: 2 ** 20 }));
  }
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const dtypes = options.dtype.split(',');
const samples = new Map(['cp', ...dtypes].map((name) => [name, []]));
const scratch = await mkdtemp(path.join(options.scratch, 'conversion-'));
try {
  await readAll(options.checkpoint);
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, list] of samples) {
      const target = path.join(scratch, 'model');
      const sample = name === 'cp' ? copyOnce(target) : convertOnce(target, name);
      list.push(sample);
      process.stderr.write(`round ${round + 1}: ${name} ${JSON.stringify(sample)}\n`);
      await rm(target, { recursive: true, force: true });
    }
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
const copies = samples.get('cp');
const lines = ['| | time | processor time | time, in copies | memory |', '|---|---|---|---|---|'];
for (const [name, list] of samples) {
  const ratio = median(list.map(({ wall }, round) => wall / copies[round].wall));
  const memory = name === 'cp' ? '' : `${(Math.max(...list.map((sample) => sample.memory)) / 1e6).toFixed(0)} MB`;
  const [wall, cpu] = ['wall', 'cpu'].map((key) => median(list.map((sample) => sample[key])).toFixed(1));
  lines.push(`| ${name} | ${wall} s | ${cpu} s | ${ratio.toFixed(1)} | ${memory} |`);
}
process.stdout.write(`${lines.join('\n')}\n`);
