// Writes a random checkpoint of MiniCPM-Llama3-V 2.5 in the published format, of any size. See README.md here.
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { checkpointConfig, GENERATION_CONFIG, preprocessorConfig, PRESETS, tensorList } from './presets.mjs';
import { RandomValues } from './random-values.mjs';
import { planShards, writeIndex, writeShard } from './shards.mjs';

const USAGE = `Usage: node tools/checkpoint/make-random-checkpoint.mjs --preset NAME --out DIR [options]

  --preset NAME      ${Object.keys(PRESETS).join(', ')}
  --out DIR          the checkpoint to write; it appears when it is complete
  --layers N         other number of language layers
  --vision-layers N  other number of vision layers
  --seed N           default 1
  --force            replace a checkpoint that is there
  --plan             print files and sizes as JSON, write nothing
`;

class UsageError extends Error {}

function count(text, name, fallback) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new UsageError(`--${name}: expected a whole number of at least 1, got ${text}`);
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      preset: { type: 'string' },
      out: { type: 'string' },
      layers: { type: 'string' },
      'vision-layers': { type: 'string' },
      seed: { type: 'string' },
      force: { type: 'boolean' },
      plan: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return { help: true };
  const preset = PRESETS[values.preset];
  if (preset === undefined) throw new UsageError(`--preset: expected one of ${Object.keys(PRESETS).join(', ')}`);
  if (values.out === undefined && !values.plan) throw new UsageError('--out: expected a folder');
  const size = {
    ...preset,
    layers: count(values.layers, 'layers', preset.layers),
    vision: { ...preset.vision, layers: count(values['vision-layers'], 'vision-layers', preset.vision.layers) },
  };
  const seed = count(values.seed, 'seed', 1);
  return { size, name: `random-${values.preset}`, seed, out: values.out, force: values.force, plan: values.plan };
}

const writeJson = (folder, file, value) =>
  writeFile(path.join(folder, file), `${JSON.stringify(value, undefined, 2)}\n`);

/** A line that is redrawn on a terminal, and silence elsewhere. */
function progress(total) {
  const started = performance.now();
  let done = 0;
  let drawn = 0;
  return {
    add(bytes) {
      done += bytes;
      const now = performance.now();
      if (process.stderr.isTTY !== true || (now - drawn < 200 && done < total)) return;
      drawn = now;
      const rate = done / 1e6 / ((now - started) / 1000);
      process.stderr.write(`\r${(done / 1e9).toFixed(2)} of ${(total / 1e9).toFixed(2)} GB, ${rate.toFixed(0)} MB/s `);
      if (done === total) process.stderr.write('\n');
    },
  };
}

async function writeCheckpoint(folder, { size, name, seed }, shards) {
  await mkdir(folder, { recursive: true });
  const values = new RandomValues(seed);
  const line = progress(shards.reduce((sum, { bytes }) => sum + bytes, 0));
  for (const shard of shards) await writeShard(folder, shard, values, line.add);
  await writeIndex(folder, shards);
  await writeJson(folder, 'config.json', checkpointConfig(size, name));
  await writeJson(folder, 'generation_config.json', GENERATION_CONFIG);
  await writeJson(folder, 'preprocessor_config.json', preprocessorConfig(size));
  const { writeTokenizerFiles } = await import('./tokenizer-files.mjs').catch((cause) => {
    throw new Error('the tokenizer is not built: run `npm run build` first', { cause });
  });
  await writeTokenizerFiles(folder);
}

/** Everything goes to a folder beside the target, which takes its name when complete. */
async function make(options) {
  const shards = planShards(tensorList(options.size), options.size.shardBytes);
  if (options.plan) {
    const plan = shards.map(({ file, bytes, tensors }) => ({ file, bytes, tensors: tensors.length }));
    process.stdout.write(`${JSON.stringify(plan)}\n`);
    return;
  }
  const target = path.resolve(options.out);
  const exists = await stat(target).then(
    () => true,
    () => false,
  );
  if (exists && !options.force) throw new UsageError(`${options.out} is there already; --force replaces it`);
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  try {
    await writeCheckpoint(partial, options, shards);
    if (exists) await rm(target, { recursive: true });
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  process.stdout.write(`${options.out}: ${(shards.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9).toFixed(2)} GB\n`);
}

try {
  const options = readArguments();
  if (options.help) process.stdout.write(USAGE);
  else await make(options);
} catch (error) {
  process.stderr.write(`error: ${error.message}\n`);
  const isUsage = error instanceof UsageError || String(error.code).startsWith('ERR_PARSE_ARGS');
  process.exitCode = isUsage ? 2 : 1;
}
