import type { BenchmarkReport } from './report.js';

const COLUMNS = [
  'benchmark',
  'index',
  'category',
  'status',
  'score',
  'unmatched',
  'prompt',
  'answer',
  'reference',
  'why',
];

/**
 * A row a sample (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises.
 */
export function reportCsv(reports: readonly BenchmarkReport[]): string {
  const lines = [COLUMNS.join(',')];
  for (const { score, samples } of reports) {
    for (const { index, category, status, score: value, isUnmatched, prompt, answer, reference, why } of samples) {
      const texts = [prompt, answer, reference, why].map(cell);
      const head = [score.benchmark, index, category, status].map(cell);
      lines.push([...head, value === null ? '' : String(value), isUnmatched ? '1' : '0', ...texts].join(','));
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
