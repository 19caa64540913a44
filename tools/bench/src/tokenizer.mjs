// Subject `tokenizer`: speed of the Llama 3 tokenizer against others on six made-up texts.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { busiestShare, describeMachine } from './machine.mjs';
import { choosePeers, COMMON_USAGE, folder, readOptions, UsageError, wholeNumber } from './options.mjs';
import { comparisonTable, failureLines, machineLines, writeReport } from './report.mjs';
import { interleave } from './rounds.mjs';
import { compare } from './statistics.mjs';
import { CORPORA, corpus } from './tokenizer/corpora.mjs';
import { JS_PEERS } from './tokenizer/peer.mjs';
import { makeVocabulary, PATTERN } from './tokenizer/vocabulary.mjs';

const REFERENCE = 'tiktoken';
const PYTHON_PEERS = [REFERENCE, 'huggingface-tokenizers-rust'];

const USAGE = `Usage: node bench.mjs tokenizer [options]

  --scale X        length of the texts, 1 = 0.3 to 1.4 MB each (1)
  --inner-rounds N, --seconds N    warm repetitions of each text within a process, and their time (20, 3)
${COMMON_USAGE}
Peers: ${[...PYTHON_PEERS, ...JS_PEERS].join(', ')}
`;

const OWN = {
  scale: { type: 'string', default: '1' },
  'inner-rounds': { type: 'string', default: '20' },
  seconds: { type: 'string', default: '3' },
};

async function prepare(scale) {
  const cache = path.join(folder, '.cache', `tokenizer-${scale}`);
  await makeVocabulary(cache);
  for (const name of CORPORA) await writeFile(path.join(cache, `${name}.txt`), corpus(name, scale));
  return cache;
}

function peersOf({ python, scale, seconds, 'inner-rounds': inner }, cache) {
  const script = path.join(folder, 'python', 'tokenizer_bench.py');
  const peer = path.join(folder, 'src', 'tokenizer', 'peer.mjs');
  return [
    ...PYTHON_PEERS.map((name) => ({ name, command: [python, script, name, cache, PATTERN, inner, seconds] })),
    ...JS_PEERS.map((name) => ({
      name,
      command: [process.execPath, peer, name, cache, String(scale), inner, seconds],
    })),
  ];
}

const LOAD = 'import to first ids';

/** Milliseconds from import to first ids, or for each megabyte or million tokens: a smaller value is better. */
function samplesOf({ peer, round, report }, metric) {
  const value = (result) => (metric === 'cpu' ? result.cpuMs : result.ms);
  const first = (result) => (metric === 'cpu' ? result.coldCpuMs : result.coldMs);
  return [
    { key: LOAD, value: value(report.load) },
    ...report.fresh.map((result) => ({ key: `fresh ${result.corpus}`, value: value(result) / (result.bytes / 1e6) })),
    ...report.encode.map((result) => ({ key: `encode ${result.corpus}`, value: value(result) / (result.bytes / 1e6) })),
    ...report.encode.map((result) => ({ key: `cold ${result.corpus}`, value: first(result) / (result.bytes / 1e6) })),
    ...report.decode.map((result) => ({
      key: `decode ${result.corpus}`,
      value: value(result) / (result.tokens / 1e6),
    })),
  ].map((sample) => ({ peer, round, ...sample }));
}

/** Texts on which a peer's ids differ from the reference's. */
function differences(results) {
  const first = (name) => results.find(({ peer }) => peer === name)?.report;
  const expected = new Map(first(REFERENCE)?.encode.map(({ corpus, digest }) => [corpus, digest]));
  if (expected.size === 0) return ['The reference was not measured: ids were not compared.'];
  return [...new Set(results.map(({ peer }) => peer))].flatMap((peer) => {
    const wrong = first(peer).encode.filter(({ corpus, digest }) => digest !== expected.get(corpus));
    const lost = first(peer).decode.filter(({ isSame }) => !isSame);
    const names = (list) => list.map(({ corpus }) => corpus).join(', ');
    return [
      ...(wrong.length > 0 ? [`${peer}: other ids on ${names(wrong)}`] : []),
      ...(lost.length > 0 ? [`${peer}: decoding does not give back ${names(lost)}`] : []),
    ];
  });
}

function toMarkdown({ head, rows, peers, results, failures }) {
  const rate = (ms) => (1000 / ms).toFixed(2);
  const loads = rows.filter(({ key }) => key === LOAD);
  const speeds = rows.filter(({ key }) => key !== LOAD);
  const found = differences(results);
  return [
    '# Tokenizer',
    '',
    ...machineLines(head),
    '',
    'MB of UTF-8 per second for encoding: `encode` again, with warm caches; `fresh` the first pass over a text in a warm',
    'process that has read only other texts; `cold` the first pass in a process that has read less. Million tokens per',
    'second for decoding. One thread, one call per text.',
    '',
    comparisonTable(speeds, peers, rate),
    '',
    'Milliseconds from import to the first ids of a sentence, in a new process:',
    '',
    comparisonTable(loads, peers, (ms) => ms.toFixed(0)),
    '',
    '## Exactness',
    '',
    ...(found.length === 0
      ? ['All peers give the ids of the reference and decode them to the text.']
      : found.map((line) => `- ${line}`)),
    ...failureLines(failures),
    '',
  ].join('\n');
}

export async function run(args) {
  const options = readOptions(args, OWN);
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const scale = Number(options.scale);
  if (!(scale > 0)) throw new UsageError(`--scale: expected a number above 0, got ${options.scale}`);
  wholeNumber(options['inner-rounds'], 'inner-rounds');
  const cache = await prepare(scale);
  const peers = choosePeers(peersOf({ ...options, scale }, cache), options.peers);

  const date = new Date().toISOString();
  const runs = peers.map(({ name, command }) => ({ peer: name, variant: 'one thread', command }));
  const { results, failures } = await interleave(runs, options);
  const rows = compare(
    results.flatMap((result) => samplesOf(result, options.metric)),
    [REFERENCE],
  ).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const machine = describeMachine();
  const { metric, rounds } = options;
  const head = { machine, date, metric, rounds, busiest: busiestShare(results) };
  const file = await writeReport({
    out: options.out,
    subject: 'tokenizer',
    date,
    json: { subject: 'tokenizer', date, machine, metric, rounds, arguments: args, rows, results, failures },
    markdown: toMarkdown({ head, rows, peers: peers.map(({ name }) => name), results, failures }),
  });
  process.stdout.write(`${file}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
