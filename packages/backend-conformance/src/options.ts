import type { LoadModelOptions, ModelSource } from '@pocketlens/backend';
import type { Bound } from './expect.js';
import type { KitDtype, KitModel } from './kit/kit-models.js';

/** How near an engine must come to the reference with one storage type. */
export interface Tolerance {
  /** Image features against PyTorch's. */
  readonly features: Bound;
  /** Logits against PyTorch's. */
  readonly logits: Bound;
  /** Logits against the engine's own, computed in another way: in single steps, after a fork, beside other work. */
  readonly consistency: Bound;
}

/** What an adapter tells the suite about itself. All of it is optional. */
export interface ConformanceOptions {
  /** Storage types that the engine runs, the one that it runs best first. Default: fp32, fp16, int8, q4. */
  readonly dtypes?: readonly KitDtype[];
  /** Wider bounds, for engines that compute in less than float32. They are part of the table. */
  readonly tolerance?: Readonly<Partial<Record<KitDtype, Partial<Tolerance>>>>;
  /** Passed to every `loadModel`. */
  readonly loadOptions?: Omit<LoadModelOptions, 'dtype' | 'signal'>;
  /**
   * Where the engine reads a model from, when it is not a Pocketlens model directory: another form that the adapter
   * makes of it, or a `ModelSource`. Checks that damage files of the directory are then left out.
   */
  readonly source?: (model: KitModel) => string | ModelSource | Promise<string | ModelSource>;
  /** Bytes in use by the engine, where it does not live in this process. Default: the resident memory of this process. */
  readonly memoryUsage?: () => number | Promise<number>;
}

const ALL_DTYPES: readonly KitDtype[] = ['fp32', 'fp16', 'int8', 'q4'];

/**
 * Exact storage: the reference's own tolerances, which are four times what thread counts and vector units change.
 * Quantised storage: the golden weights are random, so that nothing is redundant; trained models lose less.
 */
const TOLERANCES: Readonly<Record<KitDtype, Tolerance>> = {
  fp32: exact(),
  fp16: exact(),
  int8: relative(0.05, 0.08),
  q4: relative(0.05, 0.35),
};

function exact(): Tolerance {
  return {
    features: { kind: 'absolute', value: 5e-5 },
    logits: { kind: 'absolute', value: 1e-4 },
    consistency: { kind: 'absolute', value: 1e-4 },
  };
}

function relative(features: number, logits: number): Tolerance {
  return {
    features: { kind: 'relative', value: features },
    logits: { kind: 'relative', value: logits },
    // Activations are rounded row by row; what else is in the pass only moves the last bits before the rounding.
    consistency: { kind: 'relative', value: 0.02 },
  };
}

/** The storage types to check: what the adapter names, by default all. */
export function dtypesOf({ dtypes = ALL_DTYPES }: ConformanceOptions): readonly [KitDtype, ...KitDtype[]] {
  const [first, ...others] = dtypes;
  const unknown = dtypes.find((dtype) => !ALL_DTYPES.includes(dtype));
  if (unknown !== undefined || first === undefined) {
    throw new TypeError(`dtypes must name some of ${ALL_DTYPES.join(', ')}, received ${unknown ?? 'none'}`);
  }
  return [first, ...others];
}

export function toleranceOf(dtype: KitDtype, { tolerance }: ConformanceOptions): Tolerance {
  return { ...TOLERANCES[dtype], ...tolerance?.[dtype] };
}
