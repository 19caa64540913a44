import { formatFigure, formatInterval, formatLevel, formatShare } from './format.js';
import { leaderboardOf } from './leaderboard.js';
import type { BenchmarkReport } from './report.js';

const WORST = 10;
const LONGEST_CELL = 200;

/** Figures, categories, the ten worst samples and the leaderboard, for a page or a pull request. */
export function reportMarkdown(reports: readonly BenchmarkReport[], title: string): string {
  const leaderboard = leaderboardOf(reports, title);
  const parts = [`# ${inline(title)}`, ...reports.map(section)];
  if (leaderboard) {
    const rows = leaderboard.rows.map(({ model, isOurs, figures }) => [
      isOurs ? `**${inline(model)}**` : inline(model),
      ...figures.map(formatFigure),
    ]);
    parts.push('## Beside the published figures', table(['model', ...leaderboard.columns], rows), ...leaderboard.notes);
  }
  return `${parts.join('\n\n')}\n`;
}

function section({ score, confidence, categories, samples }: BenchmarkReport): string {
  const level = formatLevel(confidence.level);
  const matching = score.matching.by === 'judge' ? `judge ${inline(score.matching.judge ?? '')}` : 'no judge';
  return [
    `## ${inline(score.benchmark)}`,
    `**${inline(score.headline.name)} ${formatInterval(confidence.headline)}** (${level} interval; best ${score.headline.best})`,
    `${score.scored} of ${score.total} samples scored, ${score.failed} failed, ${score.missing} missing, ${score.unmatched} unmatched; rules ${score.profile}; ${matching}.`,
    table(
      ['category', 'samples', 'mean score', `${level} interval`],
      categories.map(({ category, samples: count, score: mean, low, high }) => [
        inline(category),
        String(count),
        formatShare(mean),
        `${formatShare(low)} to ${formatShare(high)}`,
      ]),
    ),
    table(
      ['figure', 'value', 'low', 'high'],
      confidence.figures.map(({ name, value, low, high }) => [inline(name), ...[value, low, high].map(formatFigure)]),
    ),
    '### Worst samples',
    table(
      ['sample', 'answer', 'reference', 'why'],
      samples.slice(0, WORST).map(({ index, answer, reference, why }) => [index, answer, reference, why].map(inline)),
    ),
  ].join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

// Text of samples must neither end a cell nor become markup, a link or a mention.
function inline(text: string): string {
  const short =
    [...text.toWellFormed()].length > LONGEST_CELL
      ? `${[...text.toWellFormed()].slice(0, LONGEST_CELL).join('')}…`
      : text;
  return short
    .toWellFormed()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\p{Cc}/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_{}[\]()#+!|~:-]/g, String.raw`\$&`)
    .replaceAll('@', '@\u200B')
    .replaceAll('www.', String.raw`www\.`)
    .trim();
}
