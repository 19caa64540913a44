/** A model in one storage type, and the memory that it needs here. */
export interface MemoryNeed {
  readonly model: string;
  readonly dtype: string;
  /** Weights in use, key-value cache and working memory, in bytes. */
  readonly bytes: number;
  readonly fits: boolean;
}

/** The context that the table is computed for. */
export const TABLE_CONTEXT = 4096;

/** MiniCPM-Llama3-V 2.5: weights that every token reads, the head included; the embedding table stays in its file. */
const LANGUAGE_WEIGHTS = 32 * 218_103_808 + 525_336_576;
const VISION_WEIGHTS = 506_800_000;
/** 32 layers, 8 heads of 128, keys and values in float32. */
const CACHE_BYTES_PER_POSITION = 32 * 8 * 128 * 2 * 4;
/** Activations, logits and the process itself. */
const WORKING_BYTES = 500_000_000;

/** Bytes in memory per weight: int4 in blocks of 64. Float16 weights are widened to float32 when they are loaded. */
const BYTES_PER_WEIGHT: readonly (readonly [dtype: string, language: number, vision: number])[] = [
  ['q4', 0.625, 1],
  ['int8', 1.0625, 1],
  ['fp16', 4, 4],
  ['fp32', 4, 4],
];

/** Resident memory of the embedded model after reading one picture, with room. */
const EMBEDDED_BYTES = 400_000_000;

/** What the models need, computed from their sizes, against the memory that is free now. */
export function memoryTable(availableBytes: number): MemoryNeed[] {
  const need = (model: string, dtype: string, bytes: number): MemoryNeed => {
    return { model, dtype, bytes: Math.round(bytes), fits: bytes <= availableBytes };
  };
  const fixed = WORKING_BYTES + TABLE_CONTEXT * CACHE_BYTES_PER_POSITION;
  return [
    need('pocketlens-tiny', 'fp16', EMBEDDED_BYTES),
    ...BYTES_PER_WEIGHT.map(([dtype, language, vision]) =>
      need('MiniCPM-Llama3-V 2.5', dtype, language * LANGUAGE_WEIGHTS + vision * VISION_WEIGHTS + fixed),
    ),
  ];
}
