/** A column of the official table. */
export interface PublishedColumn {
  readonly name: string;
  /** The benchmark here whose headline is comparable; none where the published figure is of data without public answers. */
  readonly benchmark?: string;
}

/** Columns of the table that MiniCPM-Llama3-V 2.5 was published with. MMBench is v1.0 test; DocVQA is the test part. */
export const publishedColumns: readonly PublishedColumn[] = [
  { name: 'OCRBench', benchmark: 'OCRBench' },
  { name: 'TextVQA', benchmark: 'TextVQA_VAL' },
  { name: 'DocVQA test' },
  { name: 'OpenCompass' },
  { name: 'MME', benchmark: 'MME' },
  { name: 'MMBench en', benchmark: 'MMBench_TEST_EN' },
  { name: 'MMBench cn', benchmark: 'MMBench_TEST_CN' },
  { name: 'MMMU val', benchmark: 'MMMU_DEV_VAL' },
  { name: 'MathVista', benchmark: 'MathVista_MINI' },
  { name: 'LLaVA-Bench', benchmark: 'LLaVABench' },
  { name: 'RealWorldQA', benchmark: 'RealWorldQA' },
  { name: 'Object HalBench', benchmark: 'ObjectHalBench' },
];

/** A model's figures, in the order of `publishedColumns`; null where none was published. */
export interface PublishedModel {
  readonly model: string;
  readonly figures: readonly (number | null)[];
}

const _ = null;

/**
 * The official table. Object HalBench is the share of answers without hallucination.
 *
 * @source OpenBMB, README of MiniCPM-V at the release of MiniCPM-Llama3-V 2.5 (May 2024)
 */
export const publishedModels: readonly PublishedModel[] = [
  row('Gemini Pro', 680, 74.6, 88.1, 62.9, 2148.9, 73.6, 74.3, 48.9, 45.8, 79.9, 60.4, _),
  row('GPT-4V (2023.11.06)', 645, 78.0, 88.4, 63.5, 1771.5, 77.0, 74.4, 53.8, 47.8, 93.1, 63.0, 86.4),
  row('Mini-Gemini 2.2B', _, 56.2, 34.2, _, 1653.0, _, _, 31.7, _, _, _, _),
  row('Qwen-VL-Chat 9.6B', 488, 61.5, 62.6, 51.6, 1860.0, 61.8, 56.3, 37.0, 33.8, 67.7, 49.3, 56.2),
  row('DeepSeek-VL-7B', 435, 64.7, 47.0, 54.6, 1765.4, 73.8, 71.4, 38.3, 36.8, 77.8, 54.2, _),
  row('Yi-VL-34B', 290, 43.4, 16.9, 52.2, 2050.2, 72.4, 70.7, 45.1, 30.7, 62.3, 54.8, 79.3),
  row('CogVLM-Chat 17.4B', 590, 70.4, 33.3, 54.2, 1736.6, 65.8, 55.9, 37.3, 34.7, 73.9, 60.3, 73.6),
  row('TextMonkey 9.7B', 558, 64.3, 66.7, _, _, _, _, _, _, _, _, _),
  row('Idefics2 8B', _, 73.0, 74.0, 57.2, 1847.6, 75.7, 68.6, 45.2, 52.2, 49.1, 60.7, _),
  row('Bunny-LLama-3-8B', _, _, _, 54.3, 1920.3, 77.0, 73.9, 41.3, 31.5, 61.2, 58.8, _),
  row('LLaVA-NeXT Llama-3-8B', _, _, 78.2, _, 1971.5, _, _, 41.7, 37.5, 80.1, 60.0, _),
  row('Phi-3-vision-128k 4.2B', 639, 70.9, _, _, 1537.5, _, _, 40.4, 44.5, 64.2, 58.8, _),
  row('MiniCPM-V 1.0 2.8B', 366, 60.6, 38.2, 47.5, 1650.2, 64.1, 62.6, 38.3, 28.9, 51.3, 51.2, 78.4),
  row('MiniCPM-V 2.0 2.8B', 605, 74.1, 71.9, 54.5, 1808.6, 69.1, 66.5, 38.2, 38.7, 69.2, 55.8, 85.5),
  row('MiniCPM-Llama3-V 2.5', 725, 76.6, 84.8, 65.1, 2024.6, 77.2, 74.2, 45.8, 54.3, 86.7, 63.5, 89.7),
];

function row(model: string, ...figures: (number | null)[]): PublishedModel {
  return { model, figures };
}
