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

/** Of weights and cache, for activations and what the engine holds beside them. */
const ROOM = 0.15;
const PROCESS_BYTES = 100_000_000;
/** int4 in blocks of 64: half a byte, and a float32 scale and a 4-bit zero point for each block. */
const INT4_BYTES = 0.5 + 4.5 / 64;

/** Bytes in memory per weight. Float16 weights are widened when they are loaded: the arithmetic is float32. */
const WEIGHT_BYTES: Readonly<Record<PartDtype, { readonly language: number; readonly vision: number }>> = {
  q4: { language: INT4_BYTES, vision: 1 },
  int8: { language: 1, vision: 1 },
  fp16: { language: 4, vision: 4 },
  fp32: { language: 4, vision: 4 },
};

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
  const cacheBytes = layers * 2 * kvHeads * headDim * 4 * contextLength;
  return (Object.keys(WEIGHT_BYTES) as PartDtype[]).map((dtype) => {
    const stored = inspection.kind === 'model' ? inspection.parts.filter((part) => part.dtype === dtype) : [];
    const perWeight = WEIGHT_BYTES[dtype];
    const weightBytes = Math.round(
      stored.length > 0
        ? stored.reduce((sum, part) => sum + loadedBytes(part), 0)
        : weights.language * perWeight.language + weights.vision * perWeight.vision,
    );
    const totalBytes = Math.round((weightBytes + cacheBytes) * (1 + ROOM)) + PROCESS_BYTES;
    return { dtype, isStored: stored.length > 0, weightBytes, cacheBytes, totalBytes };
  });
}

/** A part of a model directory in memory. */
function loadedBytes({ part, tensors }: InspectedPart): number {
  if (part === 'embed_tokens') return 0;
  return tensors.reduce((sum, { dtype, bytes }) => sum + bytes * (dtype === 'float16' ? 2 : 1), 0);
}

interface WeightCounts {
  readonly language: number;
  readonly vision: number;
}

/** Numbers that every token, or every slice, reads. */
function countWeights({ kind, parts }: Inspection): WeightCounts | undefined {
  const of = (name: string): number => parts.find(({ part }) => part === name)?.parameters ?? 0;
  const counts =
    kind === 'model'
      ? { language: of('decoder'), vision: of('vision_encoder') }
      : {
          language: of('language_model') - embeddingParameters(parts),
          vision: of('vision_tower') + of('resampler'),
        };
  return counts.language > 0 && counts.vision > 0 ? counts : undefined;
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
