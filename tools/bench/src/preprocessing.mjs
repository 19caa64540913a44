// Subject `preprocessing`: from a picture's file to the vision encoder's patches.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { busiestShare, describeMachine } from './machine.mjs';
import { choosePeers, COMMON_USAGE, folder, readOptions, wholeNumber } from './options.mjs';
import { comparisonTable, failureLines, machineLines, writeReport } from './report.mjs';
import { interleave } from './rounds.mjs';
import { compare } from './statistics.mjs';

const USAGE = `Usage: node bench.mjs preprocessing [options]

  --inner-rounds N, --seconds N    repetitions of each picture within a process, and their time (10, 5)
${COMMON_USAGE}
Peers: pillow, ours, sharp-cubic, jimp
`;

const OWN = {
  'inner-rounds': { type: 'string', default: '10' },
  seconds: { type: 'string', default: '5' },
};

const REFERENCE = 'pillow';
/** One thread everywhere: Pillow has no more. */
const env = { VIPS_CONCURRENCY: '1' };

function peersOf({ python, seconds, 'inner-rounds': inner }, list) {
  const own = (name) => {
    const script = path.join(folder, 'src', 'preprocessing', 'peer.mjs');
    return { name, command: [process.execPath, script, name, list, inner, seconds] };
  };
  const script = path.join(folder, 'python', 'pillow_bench.py');
  return [
    { name: REFERENCE, command: [python, script, list, inner, seconds] },
    own('ours'),
    own('sharp-cubic'),
    own('jimp'),
  ];
}

/** One line for each peer: whether its patches are the reference's. */
export function comparePatches(results) {
  const first = (name) => results.find(({ peer }) => peer === name)?.report.results;
  const expected = new Map(first(REFERENCE)?.map(({ picture, digest }) => [picture, digest]));
  if (expected.size === 0) return ['The reference was not measured: patches were not compared.'];
  const others = [...new Set(results.map(({ peer }) => peer))].filter((peer) => peer !== REFERENCE);
  return others.map((peer) => {
    const wrong = first(peer).filter(({ picture, digest }) => digest !== expected.get(picture));
    if (wrong.length === 0) return `${peer}: the patches of the reference, bit for bit`;
    return `${peer}: other patches of ${wrong.map(({ picture }) => picture).join(', ')}`;
  });
}

function toMarkdown({ head, rows, peers, results, failures }) {
  const versions = peers.flatMap((name) => {
    const report = results.find(({ peer }) => peer === name)?.report;
    return report === undefined ? [] : [`- ${name}: ${report.version}`];
  });
  return [
    '# Preprocessing',
    '',
    ...machineLines(head),
    '',
    'Milliseconds from the file to the patches of all slices, one thread.',
    '',
    comparisonTable(rows, peers, (ms) => ms.toFixed(1)),
    '',
    '## Exactness',
    '',
    ...comparePatches(results).map((line) => `- ${line}`),
    '',
    '## Peers',
    '',
    ...versions,
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
  for (const name of ['inner-rounds', 'seconds']) wholeNumber(options[name], name);
  const { makePictures } = await import('./preprocessing/pictures.mjs');
  const cache = path.join(folder, '.cache', 'preprocessing');
  const list = path.join(cache, 'pictures.json');
  await writeFile(list, JSON.stringify(await makePictures(cache)));
  const peers = choosePeers(peersOf(options, list), options.peers);

  const date = new Date().toISOString();
  const runs = peers.map(({ name, command }) => ({ peer: name, variant: 'one thread', command, options: { env } }));
  const { results, failures } = await interleave(runs, options);
  const samples = results.flatMap(({ peer, round, report }) =>
    report.results.map((result) => {
      return { peer, round, key: result.picture, value: options.metric === 'cpu' ? result.cpuMs : result.ms };
    }),
  );
  const rows = compare(samples, [REFERENCE]);
  const machine = describeMachine();
  const { metric, rounds } = options;
  const head = { machine, date, metric, rounds, busiest: busiestShare(results) };
  const file = await writeReport({
    out: options.out,
    subject: 'preprocessing',
    date,
    json: { subject: 'preprocessing', date, machine, metric, rounds, arguments: args, rows, results, failures },
    markdown: toMarkdown({ head, rows, peers: peers.map(({ name }) => name), results, failures }),
  });
  process.stdout.write(`${file}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
