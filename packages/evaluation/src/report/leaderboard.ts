import { openCompassAverage } from './opencompass.js';
import type { BenchmarkReport } from './report.js';
import { publishedColumns, publishedModels } from './published.js';

/** A row of the leaderboard; the figures of `columns`, null where there is none. */
export interface LeaderboardRow {
  readonly model: string;
  readonly isOurs: boolean;
  readonly figures: readonly (number | null)[];
}

/** This run beside the published figures, in the columns that it has a comparable figure for. */
export interface Leaderboard {
  readonly columns: readonly string[];
  /** By the first column, the best first. */
  readonly rows: readonly LeaderboardRow[];
  /** What keeps figures from being comparable, in sentences. */
  readonly notes: readonly string[];
}

/** Puts the headlines of a run beside the official table; undefined where no benchmark of it was published. */
export function leaderboardOf(reports: readonly BenchmarkReport[], model: string): Leaderboard | undefined {
  const headlines: Record<string, number> = {};
  for (const { score } of reports) headlines[score.benchmark] = Number(score.headline.value);
  const { average } = openCompassAverage(headlines);
  const ours = publishedColumns.map(({ name, benchmark }) => {
    if (name === 'OpenCompass') return average ?? null;
    return (benchmark === undefined ? undefined : headlines[benchmark]) ?? null;
  });
  const shown = publishedColumns.map((_, at) => at).filter((at) => ours[at] !== null);
  if (shown.length === 0) return undefined;
  const rows = [
    { model, isOurs: true, figures: ours },
    ...publishedModels.map((published) => ({ ...published, isOurs: false })),
  ].map((row) => ({ ...row, figures: shown.map((at) => row.figures[at] ?? null) }));
  return {
    columns: shown.map((at) => publishedColumns[at]!.name),
    rows: rows
      .filter(({ figures }) => figures.some((one) => one !== null))
      .sort((a, b) => (b.figures[0] ?? -Infinity) - (a.figures[0] ?? -Infinity)),
    notes: notesOf(reports),
  };
}

function notesOf(reports: readonly BenchmarkReport[]): string[] {
  const notes: string[] = [];
  for (const { score } of reports) {
    if (!publishedColumns.some(({ benchmark }) => benchmark === score.benchmark)) continue;
    if (!score.isComplete)
      notes.push(`${score.benchmark}: ${score.scored} samples of the benchmark, so not comparable yet.`);
    if (score.agreement === 'substitute' && score.matching.by === 'exact-matching') {
      notes.push(`${score.benchmark}: scored without a judge by another method, so not comparable.`);
    } else if (score.agreement !== 'exact' && score.matching.by === 'exact-matching' && score.unmatched > 0) {
      notes.push(`${score.benchmark}: a lower bound, ${score.unmatched} answers would be shown to a judge.`);
    }
  }
  return notes;
}
