import { memoryNeedsOfSizes, type MemoryNeed, type ModelSizes } from '@pocketlens/converter';

/** A model in one storage type, and the memory that it needs here. */
export interface ModelFit {
  readonly model: string;
  readonly dtype: string;
  /** Weights in use, key-value cache and working memory, in bytes. */
  readonly bytes: number;
  readonly fits: boolean;
}

/** The context that the table is computed for. */
export const TABLE_CONTEXT = 4096;

/** The name of the model that has to be converted first. */
export const FULL_MODEL = 'MiniCPM-Llama3-V 2.5';

/** As its published files have them: 32 layers, final norm and head; 8 key-value heads of 128. */
const FULL_SIZES: ModelSizes = {
  languageWeights: 32 * 218_112_000 + 4096 + 128_256 * 4096,
  visionWeights: 412_442_352 + 94_388_224,
  cacheBytesPerPosition: 32 * 2 * 8 * 128 * 4,
};

/**
 * What the models need, computed from their sizes, against the memory that is free now.
 *
 * @param embedded - of the embedded model, when it can be read
 */
export function memoryTable(availableBytes: number, embedded: MemoryNeed | null): ModelFit[] {
  const row = (model: string, { dtype, totalBytes }: MemoryNeed): ModelFit => {
    return { model, dtype, bytes: totalBytes, fits: totalBytes <= availableBytes };
  };
  return [
    ...(embedded === null ? [] : [row('pocketlens-tiny', embedded)]),
    ...memoryNeedsOfSizes(FULL_SIZES, TABLE_CONTEXT).map((need) => row(FULL_MODEL, need)),
  ];
}
