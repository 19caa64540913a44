// Subject `runtime`: loading, encoding, reading, writing and memory of whole models of the same shape.
import { access, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { makeGguf } from './gguf.mjs';
import { busiestShare, describeMachine } from './machine.mjs';
import { choosePeers, COMMON_USAGE, folder, readOptions, root, UsageError } from './options.mjs';
import { comparisonTable, failureLines, machineLines, markdownTable, writeReport } from './report.mjs';
import { interleave } from './rounds.mjs';
import { compare, median } from './statistics.mjs';

const USAGE = `Usage: node bench.mjs runtime --model MODEL [--model MODEL ...] [options]

  --model "DIR[:DTYPE] [SETTINGS]"    a model directory, which of its weights, and options of \`pocketlens bench\` for it;
                        the first gives the shape of the peers
  --gguf FILE           the GGUF file of the same shape (made in .cache when absent)
  --threads LIST        numbers of threads (1,2)
  --slices LIST, --prefill LIST, --decode LIST    as in \`pocketlens bench\` (1,10; 128,1024; 128,1024,4096)
  --new-tokens N, --inner-rounds N, --seconds N   as there, within one process (32, 3, 20)
${COMMON_USAGE}
Peers: ours (one for each --model), llama.cpp, node-llama-cpp, pytorch-float32, pytorch-bfloat16
`;

const OWN = {
  model: { type: 'string', multiple: true, default: [] },
  gguf: { type: 'string' },
  threads: { type: 'string', default: '1,2' },
  slices: { type: 'string', default: '1,10' },
  prefill: { type: 'string', default: '128,1024' },
  decode: { type: 'string', default: '128,1024,4096' },
  'new-tokens': { type: 'string', default: '32' },
  'inner-rounds': { type: 'string', default: '3' },
  seconds: { type: 'string', default: '20' },
};

/** What a row is compared with, best first. */
const REFERENCES = ['llama.cpp', 'node-llama-cpp', 'pytorch-bfloat16', 'pytorch-float32'];

/** DIR, DIR:DTYPE, or either with options of `pocketlens bench` behind it. */
function parseModel(text) {
  const [where, ...settings] = text.trim().split(/\s+/);
  const [, directory, dtype] = /^(.*?)(?::([a-z0-9]+))?$/.exec(where);
  return { directory: path.resolve(directory), dtype, settings };
}

function ourPeer({ directory, dtype, settings }) {
  const program = path.join(root, 'apps', 'cli', 'bin', 'pocketlens.mjs');
  const args = [
    'bench',
    '--json',
    '--model',
    directory,
    ...(dtype === undefined ? [] : ['--dtype', dtype]),
    ...settings,
  ];
  const name = ['ours', path.basename(directory), ...(dtype === undefined ? [] : [dtype]), ...settings].join(' ');
  return { name, command: [process.execPath, program, ...args], encodes: true };
}

function peersOf({ model, python, gguf }) {
  const models = model.map(parseModel);
  const config = path.join(models[0].directory, 'config.json');
  const script = (name) => path.join(folder, 'python', name);
  const pytorch = (dtype) => ({
    name: `pytorch-${dtype}`,
    command: [python, script('pytorch_bench.py'), '--config', config, '--dtype', dtype],
    encodes: true,
  });
  const nodeRunner = path.join(folder, 'src', 'node-llama-cpp.mjs');
  return [
    ...models.map(ourPeer),
    { name: 'llama.cpp', command: [python, script('llama_cpp_bench.py'), '--model', gguf], encodes: false },
    { name: 'node-llama-cpp', command: [process.execPath, nodeRunner, '--model', gguf], encodes: false },
    pytorch('float32'),
    pytorch('bfloat16'),
  ];
}

function runsOf(peers, options) {
  const common = ['prefill', 'decode', 'new-tokens', 'seconds'].flatMap((name) => [`--${name}`, options[name]]);
  const inner = [...common, '--rounds', options['inner-rounds']];
  return options.threads.split(',').flatMap((threads) =>
    peers.map(({ name, command, encodes }) => ({
      peer: name,
      variant: threads,
      command: [...command, '--threads', threads, '--slices', encodes ? options.slices : 'none', ...inner],
    })),
  );
}

/** { peer, round, key, value } of every measurement of one report. */
function samplesOf({ peer, round, report }, metric) {
  const value = (result) => (metric === 'cpu' ? result.cpuMs : result.ms);
  const samples = [
    ...(report.load === null ? [] : [{ key: 'load', value: value(report.load) }]),
    ...report.encode.map((result) => ({ key: `encode ${result.slices}`, value: value(result) })),
    ...report.prefill.map((result) => ({ key: `prefill ${result.tokens}`, value: value(result) })),
    ...report.decode.map((result) => ({ key: `decode at ${result.context}`, value: value(result) })),
  ];
  const [first, last] = [report.decode[0], report.decode.at(-1)];
  if (report.decode.length > 1) {
    samples.push({ key: `surcharge of ${last.context} over ${first.context}`, value: value(last) - value(first) });
  }
  return samples.map((sample) => ({ peer, round, ...sample }));
}

function memoryTable(results, peers) {
  const gigabytes = (values) => {
    const middle = median(values.filter((value) => value !== null));
    return middle === undefined ? '' : `${(middle / 1e9).toFixed(2)} GB`;
  };
  const rows = peers.flatMap((peer) => {
    const memories = results.filter((result) => result.peer === peer).map(({ report }) => report.memory);
    if (memories.length === 0) return [];
    return [
      [
        peer,
        gigabytes(memories.map(({ loaded }) => loaded.residentBytes)),
        gigabytes(memories.map(({ loaded }) => loaded.anonymousBytes)),
        gigabytes(memories.map(({ most }) => most.anonymousBytes)),
        gigabytes(memories.map(({ peakResidentBytes }) => peakResidentBytes)),
      ],
    ];
  });
  return markdownTable(['memory', 'loaded', 'of it anonymous', 'most anonymous', 'peak'], rows);
}

const milliseconds = (ms) => (ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`);

function toMarkdown({ shape, options, head, tables, failures, results, peers }) {
  const versions = peers.flatMap((peer) => {
    const report = results.find((result) => result.peer === peer)?.report;
    if (report === undefined) return [];
    const ours = report.backend && `${report.backend.name} ${report.backend.version}, ${report.model.dtype}`;
    return [`- ${peer}: ${ours ?? report.version}`];
  });
  return [
    '# Runtime',
    '',
    ...machineLines(head),
    '',
    `Shape: ${shape}. Encoding of slices of 1,024 patches; reading tokens with the last logits; one written token after a context.`,
    ...tables.flatMap(({ threads, rows }) => [
      '',
      `## ${threads} ${threads === '1' ? 'thread' : 'threads'}`,
      '',
      comparisonTable(rows, peers, milliseconds),
      '',
      memoryTable(
        results.filter(({ variant }) => variant === threads),
        peers,
      ),
    ]),
    '',
    '## Peers',
    '',
    ...versions,
    ...failureLines(failures),
    '',
    `Arguments: ${options}`,
    '',
  ].join('\n');
}

async function shapeOf(directory) {
  const config = JSON.parse(await readFile(path.join(directory, 'config.json'), 'utf8'));
  return `${config.num_hidden_layers} language layers of width ${config.hidden_size}, ${config.vision_config.num_hidden_layers} vision layers of width ${config.vision_config.hidden_size}, vocabulary ${config.vocab_size}`;
}

export async function run(args) {
  const options = readOptions(args, OWN);
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (options.model.length === 0) throw new UsageError('--model: expected a model directory');
  const { directory } = parseModel(options.model[0]);
  await access(path.join(directory, 'config.json'));
  await mkdir(path.join(folder, '.cache'), { recursive: true });
  const shape = await shapeOf(directory);
  const gguf = options.gguf ?? path.join(folder, '.cache', `${path.basename(directory)}-q4_0.gguf`);
  const peers = choosePeers(peersOf({ ...options, gguf }), options.peers);
  if (peers.some(({ command }) => command.includes(gguf))) await makeGguf({ ...options, gguf, directory });

  const date = new Date().toISOString();
  const { results, failures } = await interleave(runsOf(peers, options), options);
  const names = peers.map(({ name }) => name);
  const tables = options.threads.split(',').map((threads) => ({
    threads,
    rows: compare(
      results.filter(({ variant }) => variant === threads).flatMap((result) => samplesOf(result, options.metric)),
      REFERENCES,
    ),
  }));
  const machine = describeMachine();
  const { metric, rounds } = options;
  const head = { machine, date, metric, rounds, busiest: busiestShare(results) };
  const file = await writeReport({
    out: options.out,
    subject: 'runtime',
    date,
    json: { subject: 'runtime', date, machine, metric, rounds, shape, arguments: args, tables, results, failures },
    markdown: toMarkdown({ shape, options: args.join(' '), head, tables, failures, results, peers: names }),
  });
  process.stdout.write(`${file}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
