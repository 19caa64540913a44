import type { Inspection, InspectedPart } from './inspect.js';
import type { PartDtype } from './output/manifest.js';

/** Memory that answering questions needs with one storage type. */
export interface MemoryNeed {
  readonly dtype: PartDtype;
  /** Whether the files hold this type already. */
  readonly isStored: boolean;
  /** Weights that stay in memory; embedding rows are read from their file. */
  readonly weightBytes: number;
  /** Key-value cache, float32, at the context length asked for. */
  readonly cacheBytes: number;
  /** With the room for activations, logits and the process. */
  readonly totalBytes: number;
}

/** Sizes that memory depends on. */
export interface ModelSizes {
  /** Weights of the language model that every token reads: no embedding table, but the head. */
  readonly languageWeights: number;
  /** Weights of the vision tower and the resampler. */
  readonly visionWeights: number;
  /** Keys and values of one position in float32, over all layers. */
  readonly cacheBytesPerPosition: number;
}

/** Of weights and cache, for activations and what the engine holds beside them. */
const ROOM = 0.15;
/** The process, a picture of ten slices and a long prompt of the smallest model. */
const PROCESS_BYTES = 300_000_000;
/** int4 in blocks of 64: half a byte, and a float32 scale and a 4-bit zero point for each block. */
const INT4_BYTES = 0.5 + 4.5 / 64;

/** Bytes in memory per weight. Float16 weights are widened when they are loaded: the arithmetic is float32. */
const WEIGHT_BYTES: Readonly<Record<PartDtype, { readonly language: number; readonly vision: number }>> = {
  q4: { language: INT4_BYTES, vision: 1 },
  int8: { language: 1, vision: 1 },
  fp16: { language: 4, vision: 4 },
  fp32: { language: 4, vision: 4 },
};
const DTYPES: readonly PartDtype[] = ['q4', 'int8', 'fp16', 'fp32'];

/**
 * What a model of these sizes needs in memory in each storage type, the smallest first.
 *
 * @param contextLength - positions of the key-value cache
 */
export function memoryNeedsOfSizes(sizes: ModelSizes, contextLength: number): readonly MemoryNeed[] {
  const { languageWeights, visionWeights, cacheBytesPerPosition } = sizes;
  const cacheBytes = cacheBytesPerPosition * contextLength;
  return DTYPES.map((dtype) => {
    const { language, vision } = WEIGHT_BYTES[dtype];
    const weightBytes = Math.round(languageWeights * language + visionWeights * vision);
    return { dtype, isStored: false, weightBytes, cacheBytes, totalBytes: totalBytes(weightBytes, cacheBytes) };
  });
}

/**
 * What a model needs in memory, stored and in the other storage types; computed from its sizes, the smallest first.
 *
 * @param contextLength - positions of the key-value cache
 * @returns nothing when the inspection does not tell the sizes of a whole model
 */
export function memoryNeeds(inspection: Inspection, contextLength: number): readonly MemoryNeed[] {
  const { layers, kvHeads, headDim } = inspection.model;
  const isKnown = typeof layers === 'number' && typeof kvHeads === 'number' && typeof headDim === 'number';
  const weights = countWeights(inspection);
  if (!isKnown || weights === undefined) return [];
  const sizes = { ...weights, cacheBytesPerPosition: layers * 2 * kvHeads * headDim * 4 };
  return memoryNeedsOfSizes(sizes, contextLength).map((need) => {
    const stored = inspection.kind === 'model' ? inspection.parts.filter((part) => part.dtype === need.dtype) : [];
    if (stored.length === 0) return need;
    const weightBytes = stored.reduce((sum, part) => sum + loadedBytes(part), 0);
    return { ...need, isStored: true, weightBytes, totalBytes: totalBytes(weightBytes, need.cacheBytes) };
  });
}

function totalBytes(weightBytes: number, cacheBytes: number): number {
  return Math.round((weightBytes + cacheBytes) * (1 + ROOM)) + PROCESS_BYTES;
}

/** A part of a model directory in memory. */
function loadedBytes({ part, tensors }: InspectedPart): number {
  if (part === 'embed_tokens') return 0;
  return tensors.reduce((sum, { dtype, bytes }) => sum + bytes * (dtype === 'float16' ? 2 : 1), 0);
}

/** Numbers that every token, or every slice, reads. */
function countWeights({ kind, parts }: Inspection): Omit<ModelSizes, 'cacheBytesPerPosition'> | undefined {
  const of = (name: string): number => parts.find(({ part }) => part === name)?.parameters ?? 0;
  const counts =
    kind === 'model'
      ? { languageWeights: of('decoder'), visionWeights: of('vision_encoder') }
      : {
          languageWeights: of('language_model') - embeddingParameters(parts),
          visionWeights: of('vision_tower') + of('resampler'),
        };
  return counts.languageWeights > 0 && counts.visionWeights > 0 ? counts : undefined;
}

const EMBEDDING_NAMES: ReadonlySet<string> = new Set(['llm.model.embed_tokens.weight', 'token_embd.weight']);
const HEAD_NAMES: ReadonlySet<string> = new Set(['llm.lm_head.weight', 'output.weight']);

/** The embedding stays in its file, but for one that is the head as well. */
function embeddingParameters(parts: readonly InspectedPart[]): number {
  const tensors = parts.flatMap((part) => part.tensors);
  if (!tensors.some(({ name }) => HEAD_NAMES.has(name))) return 0;
  const shape = tensors.find(({ name }) => EMBEDDING_NAMES.has(name))?.shape ?? [];
  return shape.length === 0 ? 0 : shape.reduce((product, size) => product * size, 1);
}
