import { openTsvDataset } from '../data/tsv-dataset.js';
import type { Agreement, Benchmark, GenerationSettings } from './benchmark.js';

/** What a benchmark of VLMEvalKit has to say for itself; the rest is common to all of them. */
export interface VlmEvalKitBenchmark extends Pick<
  Benchmark,
  'name' | 'title' | 'prompt' | 'score' | 'aggregator' | 'resampling' | 'judging'
> {
  readonly maxNewTokens: number;
  /** Default `exact`. */
  readonly agreement?: Agreement;
}

// What the published MiniCPM-Llama3-V 2.5 figures were made with; greedy decoding does not reproduce them.
// Source: MiniCPM-V, `modeling_minicpmv.py` `chat` without sampling.
const PUBLISHED = { beams: 3, repetitionPenalty: 1.2 };

/** A benchmark whose data is one tab-separated file and whose predictions pass through a spreadsheet. */
export function vlmEvalKitBenchmark(benchmark: VlmEvalKitBenchmark): Benchmark {
  const { maxNewTokens, agreement, ...rest } = benchmark;
  const settings: GenerationSettings = { maxNewTokens, ...PUBLISHED };
  return {
    ...rest,
    agreement: agreement ?? 'exact',
    isStoredAsSpreadsheet: true,
    open: (file) => openTsvDataset(file),
    generation: () => settings,
  };
}
