import type { InferenceSession } from 'onnxruntime-web';

/** The parts of WebGPU's adapter that are used here. */
interface Adapter {
  readonly features: ReadonlySet<string>;
  /** Getters of the prototype: no own properties. */
  readonly limits: Readonly<Record<string, number>>;
  readonly info?: { readonly subgroupMinSize?: number };
  requestDevice(descriptor: {
    readonly requiredFeatures: readonly string[];
    readonly requiredLimits: Readonly<Record<string, number>>;
  }): Promise<GpuDevice>;
}

type GpuDevice = NonNullable<InferenceSession.WebGpuExecutionProviderOption['device']>;

interface Surroundings {
  readonly navigator?: { readonly gpu?: { requestAdapter(): Promise<Adapter | null> } };
}

/** The engine's attention over many rows counts on subgroups of at least so many threads, and is wrong with less. */
const LEAST_SUBGROUP = 8;
/** What the engine makes use of, where it is there. */
const FEATURES = ['shader-f16', 'timestamp-query'] as const;

/**
 * A device that says nothing of subgroups, where these are too small for the engine: it then computes without them. The
 * adapters in software of Chromium have four threads. Undefined where the engine's own choice is right.
 */
export async function deviceWithoutSubgroups(): Promise<GpuDevice | undefined> {
  const adapter = await (globalThis as Surroundings).navigator?.gpu?.requestAdapter();
  if (!adapter?.features.has('subgroups')) return undefined;
  if ((adapter.info?.subgroupMinSize ?? 0) >= LEAST_SUBGROUP) return undefined;
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const limit = adapter.limits[name];
    if (typeof limit === 'number') requiredLimits[name] = limit;
  }
  return adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits,
  });
}
