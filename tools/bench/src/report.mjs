// Reports as JSON with everything, and as Markdown for people.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

async function writeWhole(file, text) {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}

/** Writes SUBJECT-DATE.json and .md; returns the path of the second. */
export async function writeReport({ out, subject, date, json, markdown }) {
  await mkdir(out, { recursive: true });
  const base = path.join(out, `${subject}-${date.replaceAll(':', '').slice(0, 17)}`);
  await writeWhole(`${base}.json`, `${JSON.stringify(json, undefined, 1)}\n`);
  await writeWhole(`${base}.md`, markdown);
  return `${base}.md`;
}

export function markdownTable(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

export function machineLines({ machine, date, metric, rounds, busiest }) {
  return [
    `${date}, ${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 1e9).toFixed(1)} GB, ${machine.system}, Node ${machine.node}`,
    '',
    `${rounds} interleaved rounds, medians; ${metric === 'cpu' ? 'processor time of all threads' : 'elapsed time'}. In brackets: how many times as fast as the reference, median of the ratios within a round.`,
    ...(busiest > 0.05
      ? [
          '',
          `**The machine was busy** (up to ${(busiest * 100).toFixed(0)} % of the cores before a run): trust the ratios of processor time with one thread only.`,
        ]
      : []),
  ];
}

/** One row per measurement, one column per peer. */
export function comparisonTable(rows, peers, format) {
  const body = rows.map(({ key, reference, cells }) => [
    key,
    ...peers.map((name) => {
      const cell = cells.find(({ peer }) => peer === name);
      if (cell?.value === undefined) return '';
      if (name === reference) return `${format(cell.value)} (1)`;
      return cell.ratio === undefined ? format(cell.value) : `${format(cell.value)} (${cell.ratio.toFixed(2)})`;
    }),
  ]);
  return markdownTable(['', ...peers], body);
}

export function failureLines(failures) {
  if (failures.length === 0) return [];
  return [
    '',
    '## Not measured',
    '',
    ...failures.map(({ peer, variant, round, message }) => `- ${peer}, ${variant}, round ${round + 1}: ${message}`),
  ];
}
