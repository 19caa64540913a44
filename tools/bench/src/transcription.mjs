// Subject `transcription`: what drafts from the text so far (n-grams) gain when the embedded model reads pictures.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { busiestShare, describeMachine } from './machine.mjs';
import { choosePeers, COMMON_USAGE, folder, readOptions, root, wholeNumber } from './options.mjs';
import { comparisonTable, failureLines, machineLines, markdownTable, writeReport } from './report.mjs';
import { interleave } from './rounds.mjs';
import { compare } from './statistics.mjs';

const USAGE = `Usage: node bench.mjs transcription [options]

  --pictures N     of each kind, the longest texts first (4)
  --new-tokens N   most tokens of an answer (256)
  --threads LIST   numbers of threads (1)
${COMMON_USAGE}
Peers: drafts, plain
`;

const OWN = {
  pictures: { type: 'string', default: '4' },
  'new-tokens': { type: 'string', default: '256' },
  threads: { type: 'string', default: '1' },
};

const REFERENCE = 'plain';
const QUESTION = 'Read the text.';
/** Kinds of the public reading sample that hold text alone. */
const KINDS = ['receipt', 'paragraph', 'tall', 'wide', 'line'];

/** The example, and the first pictures of each kind. */
async function choosePictures(count) {
  const sample = path.join(root, 'tools', 'golden', 'reading');
  const lines = (await readFile(path.join(sample, 'answers.jsonl'), 'utf8')).trim().split('\n');
  const rows = lines.map((line) => JSON.parse(line));
  const chosen = KINDS.flatMap((kind) => {
    const images = new Set(rows.filter(({ category }) => category === kind).map(({ image }) => image));
    return [...images].slice(0, count).map((image) => ({ name: image, group: kind, file: path.join(sample, image) }));
  });
  const example = {
    name: 'receipt.png',
    group: 'examples/receipt.png',
    file: path.join(root, 'examples', 'receipt.png'),
  };
  return [example, ...chosen].map((picture) => ({ ...picture, question: QUESTION }));
}

function runsOf(peers, { threads }) {
  return threads
    .split(',')
    .flatMap((count) =>
      peers.map(({ name, command }) => ({ peer: name, variant: count, command: [...command, '--threads', count] })),
    );
}

const groupsOf = (answers) => [...new Set(answers.map(({ group }) => group))];
const sum = (answers, field) => answers.reduce((total, answer) => total + answer[field], 0);

/** Milliseconds of a token after the first, over the answers of each group. */
export function samplesOf({ peer, round, report: { answers } }, metric) {
  return groupsOf(answers).flatMap((group) => {
    const counted = answers.filter((answer) => answer.group === group && answer.tokens > 1);
    const tokens = sum(counted, 'tokens') - counted.length;
    if (tokens === 0) return [];
    return [{ peer, round, key: group, value: sum(counted, metric === 'cpu' ? 'cpuMs' : 'ms') / tokens }];
  });
}

/** Names of the pictures whose answers are not the same in every run. */
export function differingAnswers(results) {
  const seen = new Map();
  for (const { name, answer } of results.flatMap(({ report }) => report.answers)) {
    seen.set(name, (seen.get(name) ?? new Set()).add(answer));
  }
  return [...seen].filter(([, answers]) => answers.size > 1).map(([name]) => name);
}

function draftTable(results) {
  const answers = results.find(({ peer }) => peer === 'drafts')?.report.answers ?? [];
  const rows = groupsOf(answers).map((group) => {
    const own = answers.filter((answer) => answer.group === group);
    const [tokens, drafted, accepted] = ['tokens', 'draftedTokens', 'acceptedTokens'].map((field) => sum(own, field));
    const share = (part, whole) => (whole === 0 ? '' : `${((100 * part) / whole).toFixed(0)} %`);
    return [group, own.length, tokens, drafted, accepted, share(accepted, drafted), share(accepted, tokens)];
  });
  return markdownTable(['', 'pictures', 'tokens', 'drafted', 'accepted', 'of the drafts', 'of the tokens'], rows);
}

function toMarkdown({ head, tables, peers, results, failures }) {
  const rate = (ms) => `${(1000 / ms).toFixed(1)}`;
  const wrong = differingAnswers(results);
  return [
    '# Transcription',
    '',
    ...machineLines(head),
    '',
    `The embedded model answers "${QUESTION}" greedily. Tokens a second after the first token.`,
    ...tables.flatMap(({ threads, rows }) => [
      '',
      `## ${threads} ${threads === '1' ? 'thread' : 'threads'}`,
      '',
      comparisonTable(rows, peers, rate),
    ]),
    '',
    '## Drafts',
    '',
    draftTable(results),
    '',
    wrong.length === 0 ? 'All answers are the same in every run.' : `**Other answers for ${wrong.join(', ')}.**`,
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
  const count = wholeNumber(options.pictures, 'pictures');
  const newTokens = wholeNumber(options['new-tokens'], 'new-tokens', 2);
  const cache = path.join(folder, '.cache');
  await mkdir(cache, { recursive: true });
  const list = path.join(cache, `transcription-${count}-${newTokens}.json`);
  await writeFile(list, JSON.stringify({ pictures: await choosePictures(count), newTokens }));
  const script = path.join(folder, 'src', 'transcription', 'peer.mjs');
  const peer = (name, speculation) => ({ name, command: [process.execPath, script, speculation, list] });
  const peers = choosePeers([peer('drafts', 'ngram'), peer('plain', 'none')], options.peers);

  const date = new Date().toISOString();
  const { results, failures } = await interleave(runsOf(peers, options), options);
  const tables = options.threads.split(',').map((threads) => {
    const own = results.filter(({ variant }) => variant === threads);
    return {
      threads,
      rows: compare(
        own.flatMap((result) => samplesOf(result, options.metric)),
        [REFERENCE],
      ),
    };
  });
  const machine = describeMachine();
  const { metric, rounds } = options;
  const head = { machine, date, metric, rounds, busiest: busiestShare(results) };
  const file = await writeReport({
    out: options.out,
    subject: 'transcription',
    date,
    json: { subject: 'transcription', date, machine, metric, rounds, arguments: args, tables, results, failures },
    markdown: toMarkdown({ head, tables, peers: peers.map(({ name }) => name), results, failures }),
  });
  process.stdout.write(`${file}\n`);
  if (failures.length > 0 || differingAnswers(results).length > 0) process.exitCode = 1;
}
