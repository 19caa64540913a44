/** Headlines by benchmark, as the established tool prints them. */
export type Headlines = Readonly<Record<string, number>>;

/** The two lists of benchmarks that the leaderboard has averaged; figures of one say nothing beside the other. */
export const OPENCOMPASS_LISTS = {
  '2024': [
    'MMBench_TEST_EN',
    'MMBench_TEST_CN',
    'MMStar',
    'MME',
    'MMMU_DEV_VAL',
    'MathVista_MINI',
    'HallusionBench',
    'AI2D_TEST',
    'OCRBench',
    'SEEDBench_IMG',
    'MMVet',
    'LLaVABench',
  ],
  later: [
    'MMBench_V11',
    'MMStar',
    'MMMU_DEV_VAL',
    'MathVista_MINI',
    'OCRBench',
    'AI2D_TEST',
    'HallusionBench',
    'MMVet',
  ],
} as const;

export type OpenCompassList = keyof typeof OPENCOMPASS_LISTS;

/**
 * The OpenCompass average: the plain mean of the columns, each brought to 0..100 (MME by 28, OCRBench by 10), to one decimal,
 * halves to even. `2024` is the list behind 65.1 of MiniCPM-Llama3-V 2.5 ("11 benchmarks", MMBench in two languages), `later` that
 * behind its 58.8; there MMBench v1.1 is the mean of the English and the Chinese test part.
 *
 * @returns the average, and the benchmarks that are missing; with any missing there is no average
 * @source VLMEvalKit, OpenVLM leaderboard, `gen_table.py`
 */
export function openCompassAverage(
  headlines: Headlines,
  list: OpenCompassList = '2024',
): { readonly average: number | undefined; readonly missing: readonly string[] } {
  const english = headlines['MMBench_TEST_EN_V11'];
  const chinese = headlines['MMBench_TEST_CN_V11'];
  const known: Headlines =
    english === undefined || chinese === undefined
      ? headlines
      : { MMBench_V11: toOneDecimal((english + chinese) / 2), ...headlines };
  const columns = OPENCOMPASS_LISTS[list].map((name) => ({ name, value: known[name] }));
  const missing = columns.filter(({ value }) => value === undefined || Number.isNaN(value)).map(({ name }) => name);
  if (missing.length > 0) return { average: undefined, missing };
  const sum = columns.reduce((total, { name, value }) => total + value! / (DIVISORS[name] ?? 1), 0);
  return { average: toOneDecimal(sum / columns.length), missing };
}

const DIVISORS: Readonly<Record<string, number>> = { MME: 28, OCRBench: 10 };

// numpy.round: multiplied, rounded half to even, divided. The order of a sum must not decide where 58.75 goes.
function toOneDecimal(value: number): number {
  const scaled = Number((value * 10).toFixed(8));
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const isUp = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return (isUp ? floor + 1 : floor) / 10;
}
