// oxlint-disable max-lines -- a table of faults
import { BackendError, DisposedError } from '@pocketlens/backend';
import type { BackendModelV1, DenseLogits, ImageFeatures, Logits, SequencePart } from '@pocketlens/backend';
import type { Area } from '@pocketlens/backend-conformance/run';
import type { Fault } from './broken-backend.js';

/** A fault and the checks that must name it, all of them, among those of some areas. */
export interface KnownFault {
  readonly what: string;
  readonly fault: Fault;
  readonly areas: readonly Area[];
  readonly caughtBy: readonly string[];
}

const dense = (logits: Logits): DenseLogits => {
  if (logits.type !== 'dense') throw new TypeError('dense logits expected');
  return logits;
};

const changed = (logits: Logits, change: (data: Float32Array) => Float32Array): Logits =>
  logits.type === 'dense' ? { ...logits, data: change(logits.data) } : logits;

/** Options but one. */
function without<T extends object>(options: T | undefined, key: keyof T): T {
  const rest: Partial<T> = { ...options };
  delete rest[key];
  // Only keys that may be absent are taken away.
  return rest as T;
}

const count = (parts: readonly SequencePart[]): number =>
  parts.reduce((sum, part) => sum + ('ids' in part ? part.ids.length : part.features.queries), 0);

/** Values in the order of other slices. */
function reordered(features: ImageFeatures, order: (slice: number) => number): Partial<ImageFeatures> {
  const rows = features.queries * features.hiddenSize;
  const read = features.read.bind(features);
  return {
    read: async () => {
      const values = await read();
      const moved = new Float32Array(values.length);
      for (let i = 0; i < features.sliceCount; i++) {
        const from = order(i);
        moved.set(values.subarray(from * rows, (from + 1) * rows), i * rows);
      }
      return moved;
    },
  };
}

/** The features themselves, so that the engine knows them, with another `read`. */
const changedFeatures = (features: ImageFeatures, changes: Partial<ImageFeatures>): ImageFeatures =>
  Object.assign(features, changes);

const leaked: unknown[] = [];

export const knownFaults: readonly KnownFault[] = [
  {
    what: 'claims another storage type than it loaded',
    areas: ['contract'],
    fault: { model: ({ capabilities }) => ({ capabilities: { ...capabilities, dtype: 'q4' } }) },
    caughtBy: ['capabilities say what is loaded and what is offered'],
  },
  {
    what: 'throws from probe',
    areas: ['contract'],
    fault: { backend: () => ({ probe: () => Promise.reject(new Error('no driver')) }) },
    caughtBy: ['probe tells what is there, and never throws'],
  },
  {
    what: 'opens damaged files',
    areas: ['loading'],
    fault: {
      backend: (inner) => ({
        loadModel: (source, options) => inner.loadModel(source, without(options, 'verify')),
      }),
    },
    caughtBy: ['verify finds a byte that was changed'],
  },
  {
    what: 'reports a missing model with a plain error',
    areas: ['loading'],
    fault: {
      backend: (inner) => ({
        loadModel: async (source, options) => {
          try {
            return await inner.loadModel(source, options);
          } catch (cause) {
            if ((cause as { readonly code?: string }).code !== 'MODEL_FILE_MISSING') throw cause;
            throw new Error('ENOENT', { cause });
          }
        },
      }),
    },
    caughtBy: ['a model that is not there gives MODEL_FILE_MISSING'],
  },
  {
    what: 'computes logits a little wrong',
    areas: ['shapes', 'sequences', 'golden values'],
    fault: {
      sequence: (inner) => ({
        append: async (...call) => changed(await inner.append(...call), (data) => data.map((value) => value * 1.001)),
      }),
    },
    caughtBy: [
      'top n gives the best n of the last position, descending',
      'logits after text alone',
      'logits after one image',
      'logits after text before a large image',
      'logits after two large images',
      'logits after a sliced image, and another in the second turn',
      'logits after an image in five slices',
      'logits of every position of text alone',
      'logits of every position of one image',
      'every image alone when the configuration says so',
    ],
  },
  {
    what: 'reuses the array of the logits',
    areas: ['shapes'],
    fault: {
      model: () => ({}),
      sequence: (() => {
        const shared = new Float32Array(512);
        return (inner) => ({
          append: async (parts, options) => {
            const logits = await inner.append(parts, options);
            if (logits.type !== 'dense' || logits.rows !== 1) return logits;
            shared.set(logits.data);
            return { ...logits, data: shared };
          },
        });
      })(),
    },
    caughtBy: ['logits stay as they were handed out'],
  },
  {
    what: "returns the last row where 'all' is asked",
    areas: ['shapes'],
    fault: {
      sequence: (inner) => ({
        append: (parts, options) =>
          inner.append(parts, options?.logits === 'all' ? { ...options, logits: 'last' } : options),
      }),
    },
    caughtBy: [
      "'last' gives one row, 'all' a row for each position, and both agree",
      'ids may be numbers or a Uint32Array, in any number of parts',
    ],
  },
  {
    what: 'leaves the best ids unsorted',
    areas: ['shapes'],
    fault: {
      sequence: (inner) => ({
        append: async (parts, options) => {
          const logits = await inner.append(parts, options);
          if (logits.type !== 'top') return logits;
          return { ...logits, ids: logits.ids.toReversed(), values: logits.values.toReversed() };
        },
      }),
    },
    caughtBy: ['top n gives the best n of the last position, descending'],
  },
  {
    what: 'encodes the images of a joint batch each alone',
    areas: ['images'],
    fault: {
      model: (inner) => ({
        encodeImages: async (slices, options) => {
          const alone: Float32Array[] = [];
          for (const slice of slices) alone.push(await (await inner.encodeImages([slice])).read());
          const features = await inner.encodeImages(slices, options);
          return changedFeatures(features, {
            read: async () => Float32Array.from(alone.flatMap((values) => [...values])),
          });
        },
      }),
    },
    caughtBy: [
      '2 images of one batch',
      '3 and 5 images of other sizes, padded to the longest',
      '10 images of one batch',
    ],
  },
  {
    what: 'mixes up the order of images',
    areas: ['images'],
    fault: {
      model: (inner) => ({
        encodeImages: async (slices, options) => {
          const features = await inner.encodeImages(slices, options);
          return changedFeatures(
            features,
            reordered(features, (slice) => features.sliceCount - 1 - slice),
          );
        },
      }),
    },
    caughtBy: [
      '2 images of one batch',
      '3 and 5 images of other sizes, padded to the longest',
      '10 images of one batch',
      '10 images, each alone',
    ],
  },
  {
    what: 'takes four images at most',
    areas: ['images'],
    fault: {
      model: (inner) => ({ encodeImages: (slices, options) => inner.encodeImages(slices.slice(0, 5), options) }),
    },
    caughtBy: ['10 images of one batch', '10 images, each alone', '10 images in one prompt, at once or one by one'],
  },
  {
    what: 'normalises the pixels of its caller in place',
    areas: ['images'],
    fault: {
      model: (inner) => ({
        encodeImages: async (slices, options) => {
          const features = await inner.encodeImages(slices, options);
          for (const { pixelValues } of slices) pixelValues.fill(0);
          return features;
        },
      }),
    },
    caughtBy: ['pixels that go in are left as they are'],
  },
  {
    what: 'computes single steps in another way than prompts',
    areas: ['shapes', 'sequences'],
    fault: {
      sequence: (inner) => ({
        append: async (parts, options) => {
          const isStep = count(parts) === 1 && inner.length > 1;
          const logits = await inner.append(parts, options);
          return isStep ? changed(logits, (data) => data.map((value) => value * 1.01)) : logits;
        },
      }),
    },
    caughtBy: [
      'a prefill of n ids equals n single steps',
      'a prefill of 300 ids equals 300 single steps',
      'a prefill with an image equals single steps around it',
      'the prompt may come in any pieces',
      'forks go their own way',
    ],
  },
  {
    what: 'truncates in name only',
    areas: ['shapes', 'sequences'],
    fault: {
      sequence: (inner) => {
        let hidden = 0;
        return {
          get length() {
            return inner.length - hidden;
          },
          truncate: (length) => {
            hidden = inner.length - length;
          },
        };
      },
    },
    caughtBy: ['truncate leaves no trace of what it drops', 'truncate through an image'],
  },
  {
    what: 'forks into the same cache',
    areas: ['shapes', 'sequences'],
    fault: { sequence: (inner) => ({ fork: () => inner }) },
    caughtBy: ['forks go their own way', 'a fork outlives truncation and disposal of its original'],
  },
  {
    what: 'ignores the signal of an append',
    areas: ['abort'],
    fault: { sequence: (inner) => ({ append: (parts, options) => inner.append(parts, without(options, 'signal')) }) },
    caughtBy: [
      'before an append; the sequence stays',
      'while a long prompt is read; the sequence stays',
      'between passes of a long prompt; the sequence stays',
    ],
  },
  {
    what: 'keeps what an aborted append had read',
    areas: ['abort'],
    fault: {
      sequence: (inner) => ({
        append: async (parts, options) => {
          try {
            return await inner.append(parts, options);
          } catch (error) {
            if (options?.signal?.aborted === true && count(parts) > 1) await inner.append([{ ids: [30] }]);
            throw error;
          }
        },
      }),
    },
    caughtBy: [
      'while a long prompt is read; the sequence stays',
      'between passes of a long prompt; the sequence stays',
    ],
  },
  {
    what: 'ignores the signal while it encodes',
    areas: ['abort'],
    fault: {
      model: (inner) => ({
        encodeImages: (slices, options) => inner.encodeImages(slices, without(options, 'signal')),
      }),
    },
    caughtBy: ['before encoding', 'while encoding; the next images are encoded', 'between slices'],
  },
  {
    what: 'ignores the signal while it loads',
    areas: ['abort'],
    fault: {
      backend: (inner) => ({
        loadModel: (source, options) => inner.loadModel(source, without(options, 'signal')),
      }),
    },
    caughtBy: ['before loading', 'while loading; the next load works'],
  },
  {
    what: 'rejects with the reason of the signal itself',
    areas: ['abort'],
    fault: {
      sequence: (inner) => ({
        append: async (parts, options) => {
          try {
            return await inner.append(parts, options);
          } catch (error) {
            throw options?.signal?.aborted === true ? options.signal.reason : error;
          }
        },
      }),
    },
    caughtBy: [
      'before an append; the sequence stays',
      'while a long prompt is read; the sequence stays',
      'between passes of a long prompt; the sequence stays',
    ],
  },
  {
    what: 'wraps ids around the vocabulary',
    areas: ['arguments'],
    fault: {
      sequence: (inner) => ({
        append: (parts, options) =>
          inner.append(
            parts.map((part) =>
              'ids' in part ? { ids: Array.from(part.ids, (id) => (Math.floor(id || 0) + 512) % 512) } : part,
            ),
            options,
          ),
      }),
    },
    caughtBy: ['ids outside the vocabulary are refused, and nothing is appended'],
  },
  {
    what: 'wraps native errors without a code',
    areas: ['arguments'],
    fault: {
      model: (inner) => ({
        encodeImages: async (slices, options) => {
          try {
            return await inner.encodeImages(slices, options);
          } catch (cause) {
            throw new BackendError('BACKEND_FAILED', 'the engine failed', { cause });
          }
        },
      }),
    },
    caughtBy: ['slices that are not what they say are refused'],
  },
  {
    what: 'throws at the second dispose',
    areas: ['disposal'],
    fault: {
      sequence: (inner) => {
        let isDisposed = false;
        return {
          dispose: () => {
            if (isDisposed) throw new DisposedError('the sequence');
            isDisposed = true;
            inner.dispose();
          },
        };
      },
    },
    caughtBy: ['a sequence: twice, and use after it'],
  },
  {
    what: 'goes on working after dispose',
    areas: ['disposal'],
    fault: { model: () => ({ dispose: async () => {} }) },
    caughtBy: ['a model: twice, and use after it', 'a model while it works'],
  },
  {
    what: 'queues a second append instead of refusing it',
    areas: ['concurrency'],
    fault: {
      sequence: (inner) => {
        let last: Promise<unknown> = Promise.resolve();
        return {
          append: (parts, options) => {
            const next = last.then(() => inner.append(parts, options));
            last = next.catch(() => {});
            return next;
          },
        };
      },
    },
    caughtBy: ['a second append to a busy sequence gives SEQUENCE_BUSY, and the first goes on'],
  },
  {
    what: 'hands the logits of one conversation to another',
    areas: ['concurrency'],
    fault: {
      sequence: (() => {
        let newest: Float32Array | undefined;
        return (inner) => ({
          append: async (parts, options) => {
            const logits = await inner.append(parts, options);
            if (logits.type !== 'dense') return logits;
            newest = logits.data;
            // Whoever finishes while this waits puts its own in the place.
            await new Promise((resolve) => setImmediate(resolve));
            return { ...dense(logits), data: newest };
          },
        });
      })(),
    },
    caughtBy: ['six conversations at once equal one after the other'],
  },
  {
    what: 'leaks the cache of every sequence',
    areas: ['memory'],
    fault: {
      sequence: (inner) => ({
        dispose: () => {
          leaked.push(new Uint8Array(2 ** 17).fill(1));
          inner.dispose();
        },
      }),
    },
    caughtBy: ['200 generations in flat memory'],
  },
  {
    what: 'takes rows for columns where patches lie on a grid',
    areas: ['end to end', 'contract'],
    fault: {
      model: (inner: BackendModelV1) => ({
        encodeImages: (slices, options) =>
          inner.encodeImages(
            inner.config.batchVisionInput
              ? slices
              : slices.map(({ pixelValues, targetSize: [rows, columns] }) => ({
                  pixelValues,
                  targetSize: [columns, rows] as const,
                })),
            options,
          ),
      }),
    },
    caughtBy: ['the embedded model answers with the expected ids'],
  },
];

/** Gives back what the leaking fault holds. */
export function forgetLeaks(): void {
  leaked.length = 0;
}
