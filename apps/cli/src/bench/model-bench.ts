import type { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { measure, type Samples, type SamplingOptions, summarise, timed } from './samples.js';

export type Backend = ReturnType<typeof onnxruntimeNode>;
export type Model = Awaited<ReturnType<Backend['loadModel']>>;
type Sequence = ReturnType<Model['createSequence']>;
type Slice = Parameters<Model['encodeImages']>[0][number];

export interface BenchContext extends SamplingOptions {
  readonly model: Model;
  readonly signal: AbortSignal;
  /** Single-token steps measured at each context. */
  readonly newTokens: number;
  /** Pixels on the longer side of a slice. */
  readonly sliceSide: number;
}

export interface EncodeResult extends Samples {
  readonly slices: number;
  /** Patches of one slice. */
  readonly patches: number;
  readonly slicesPerSecond: number;
}

export interface PrefillResult extends Samples {
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

export interface DecodeResult extends Samples {
  /** Positions held before the measured steps. */
  readonly context: number;
  readonly tokensPerSecond: number;
}

/** Repeatable noise in 0..1, uniform enough for pixels and token ids. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomSlice(side: number, patchSize: number): Slice {
  const perAxis = Math.max(1, Math.floor(side / patchSize));
  const random = noise(perAxis);
  const pixelValues = Float32Array.from({ length: 3 * patchSize ** 2 * perAxis ** 2 }, () => 2 * random() - 1);
  return { pixelValues, targetSize: [perAxis, perAxis] };
}

function randomIds(count: number, { config }: Model): number[] {
  const random = noise(count);
  return Array.from({ length: count }, () => Math.floor(random() * Math.min(config.vocabSize, 128_000)));
}

/** Encodes `slices` square slices of the model's usual size. */
export async function benchEncode(context: BenchContext, slices: number): Promise<EncodeResult> {
  const { model, signal, sliceSide } = context;
  const slice = randomSlice(sliceSide, model.config.patchSize);
  const request = Array.from({ length: slices }, () => slice);
  const samples = await measure(async () => {
    const features = await model.encodeImages(request, { signal });
    features.dispose();
  }, context);
  const patches = slice.targetSize[0] * slice.targetSize[1];
  return { slices, patches, ...samples, slicesPerSecond: slices / (samples.ms / 1000) };
}

/** Appends `tokens` ids to an empty sequence; the logits of the last one are computed. */
export async function benchPrefill(context: BenchContext, tokens: number): Promise<PrefillResult> {
  const { model, signal } = context;
  const ids = randomIds(tokens, model);
  const samples = await measure(async () => {
    const sequence = model.createSequence({ capacity: tokens });
    try {
      await sequence.append([{ ids }], { signal });
    } finally {
      sequence.dispose();
    }
  }, context);
  return { tokens, ...samples, tokensPerSecond: tokens / (samples.ms / 1000) };
}

/** Greedy steps of one token each at several lengths of the conversation, shortest first. */
export async function benchDecode(
  context: BenchContext,
  contexts: readonly number[],
  onContext: (positions: number) => void,
): Promise<DecodeResult[]> {
  const { model, newTokens, signal } = context;
  const ascending = [...new Set(contexts)].sort((a, b) => a - b);
  const capacity = Math.min((ascending.at(-1) ?? 0) + newTokens + 1, model.config.maxPositions);
  const sequence = model.createSequence({ capacity });
  const results: DecodeResult[] = [];
  try {
    for (const positions of ascending) {
      onContext(positions);
      await sequence.append([{ ids: randomIds(positions - sequence.length, model) }], { signal });
      results.push(await decodeSteps(context, sequence));
      sequence.truncate(positions);
    }
  } finally {
    sequence.dispose();
  }
  return results;
}

async function decodeSteps({ newTokens, budgetMs, signal }: BenchContext, sequence: Sequence): Promise<DecodeResult> {
  const context = sequence.length;
  const start = performance.now();
  const samples: Awaited<ReturnType<typeof timed>>[] = [];
  let id = 1;
  const step = async (): Promise<void> => {
    id = best(await sequence.append([{ ids: [id] }], { signal }));
  };
  await step();
  while (samples.length < newTokens && (samples.length === 0 || performance.now() - start < budgetMs)) {
    samples.push(await timed(step));
  }
  const summary = summarise(samples);
  return { context, ...summary, tokensPerSecond: 1000 / summary.ms };
}

/** The id with the highest score; the first of equals. Refuses scores that are no numbers: such a run measures nothing. */
function best(logits: Awaited<ReturnType<Sequence['append']>>): number {
  if (logits.type === 'top') return logits.ids[0] ?? 0;
  let found = 0;
  for (let id = 1; id < logits.data.length; id++) if (logits.data[id]! > logits.data[found]!) found = id;
  if (!Number.isFinite(logits.data[found])) throw new Error('the model computes no finite scores');
  return found;
}
