import { AbortError, DisposedError, throwIfAborted } from '@pocketlens/backend';
import type { BackendModelV1, EncodeOptions, ImageFeatures, SliceInput } from '@pocketlens/backend';

/** Image embeddings that stay until they are released. */
export interface FeatureLease {
  readonly features: ImageFeatures;
  /** Equal embeddings have equal keys. */
  readonly key: string;
  release(): void;
}

export interface ImageCacheStats {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

interface Entry {
  readonly features: ImageFeatures;
  readonly bytes: number;
  holders: number;
}

const BYTES_OF_A_VALUE = 4;

/**
 * Image embeddings by the content of what was encoded. What is in use stays; of the rest the least recently used go
 * first when all together hold more than `maxBytes`. A picture that is being encoded is not encoded a second time.
 */
export class FeatureCache {
  readonly #model: BackendModelV1;
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #entries: Map<string, Entry> = new Map();
  readonly #running: Map<string, Promise<unknown>> = new Map();
  #bytes = 0;
  #counts: { readonly hits: number; readonly misses: number; readonly evictions: number } = NOTHING;
  #isDisposed = false;

  constructor(model: BackendModelV1, maxBytes: number) {
    this.#model = model;
    this.#maxBytes = maxBytes;
  }

  /** The embeddings of these slices, encoded if they are not known by the key. */
  async acquire(key: string, slices: readonly SliceInput[], options: EncodeOptions = {}): Promise<FeatureLease> {
    for (;;) {
      if (this.#isDisposed) throw new DisposedError('the model');
      throwIfAborted(options.signal);
      const known = this.#entries.get(key);
      if (known !== undefined) {
        this.#counts = { ...this.#counts, hits: this.#counts.hits + 1 };
        return this.#lease(key, known);
      }
      const running = this.#running.get(key);
      if (running === undefined) return this.#encode(key, slices, options);
      // Whoever started it may fail or leave: then it is for the next one to start.
      await settled(running, options.signal);
    }
  }

  stats(): ImageCacheStats {
    return { entries: this.#entries.size, bytes: this.#bytes, ...this.#counts };
  }

  /** Forgets everything that is not in use. */
  clear(): void {
    this.#trim(0);
  }

  /** Forgets everything; what is in use goes when it is released. */
  dispose(): void {
    this.#isDisposed = true;
    this.clear();
  }

  async #encode(key: string, slices: readonly SliceInput[], options: EncodeOptions): Promise<FeatureLease> {
    this.#counts = { ...this.#counts, misses: this.#counts.misses + 1 };
    const encoding = this.#model.encodeImages(slices, options);
    this.#running.set(key, encoding);
    try {
      const features = await encoding;
      const bytes = features.sliceCount * features.queries * features.hiddenSize * BYTES_OF_A_VALUE;
      this.#bytes += bytes;
      return this.#lease(key, { features, bytes, holders: 0 });
    } finally {
      this.#running.delete(key);
    }
  }

  #lease(key: string, entry: Entry): FeatureLease {
    entry.holders++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#trim(this.#maxBytes);
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      entry.holders--;
      this.#trim(this.#isDisposed ? 0 : this.#maxBytes);
    };
    return { features: entry.features, key, release };
  }

  #trim(maxBytes: number): void {
    for (const [key, { features, bytes, holders }] of this.#entries) {
      if (this.#bytes <= maxBytes) return;
      if (holders > 0) continue;
      this.#entries.delete(key);
      this.#bytes -= bytes;
      this.#counts = { ...this.#counts, evictions: this.#counts.evictions + 1 };
      features.dispose();
    }
  }
}

const NOTHING = { hits: 0, misses: 0, evictions: 0 } as const;

/** Waits for the end of somebody else's work, however it ends; the own signal ends the waiting. */
async function settled(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const end = work.then(
    () => {},
    () => {},
  );
  if (signal === undefined) return end;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = (): void => reject(new AbortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([end, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
