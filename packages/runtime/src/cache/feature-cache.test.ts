import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1, EncodeOptions, SliceInput } from '@pocketlens/backend';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { preprocess } from '@pocketlens/preprocessing';
import { convertGolden, goldenSlice } from '../../../backend-onnxruntime-node/test/golden.js';
import { FeatureCache } from './feature-cache.js';
import { imageKey } from './image-key.js';

/** 16 queries of width 256 in float32. */
const SLICE_BYTES = 16 * 256 * 4;

describe('FeatureCache', () => {
  let model: BackendModelV1;
  let remove: () => Promise<void>;
  let encoded = 0;

  beforeAll(async () => {
    const golden = await convertGolden();
    remove = golden.remove;
    const opened = await onnxruntimeNode({ threads: 1, worker: false }).loadModel(golden.directory);
    const encodeImages = opened.encodeImages.bind(opened);
    model = Object.assign(opened, {
      encodeImages: (slices: readonly SliceInput[], options?: EncodeOptions) => (
        encoded++,
        encodeImages(slices, options)
      ),
    });
  });

  afterAll(async () => {
    await model.dispose();
    await remove();
  });

  const slices = [goldenSlice('wide')];

  it('encodes once, keeps the least recently used out, and never what is in use', async () => {
    const cache = new FeatureCache(model, 2 * SLICE_BYTES);
    encoded = 0;
    const [a, b] = [await cache.acquire('a', slices), await cache.acquire('b', slices)];
    expect((await cache.acquire('a', slices)).features).toBe(a.features);
    b.release();
    b.release();
    const c = await cache.acquire('c', slices);
    expect(cache.stats()).toEqual({ entries: 2, bytes: 2 * SLICE_BYTES, hits: 1, misses: 3, evictions: 1 });
    await expect(b.features.read()).rejects.toMatchObject({ code: 'DISPOSED' });
    expect((await a.features.read()).length).toBe(16 * 256);
    await cache.acquire('d', slices);
    expect(cache.stats()).toMatchObject({ entries: 3, bytes: 3 * SLICE_BYTES });
    c.release();
    expect(cache.stats()).toMatchObject({ entries: 2, evictions: 2 });
    expect(encoded).toBe(4);
  });

  it('keeps nothing with no room, after the last holder', async () => {
    const cache = new FeatureCache(model, 0);
    const [first, second] = [await cache.acquire('a', slices), await cache.acquire('a', slices)];
    first.release();
    expect((await second.features.read()).length).toBe(16 * 256);
    second.release();
    await expect(second.features.read()).rejects.toMatchObject({ code: 'DISPOSED' });
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
  });

  it('encodes once for requests at the same time, and again when the first one leaves', async () => {
    const cache = new FeatureCache(model, SLICE_BYTES);
    encoded = 0;
    const [a, b] = await Promise.all([cache.acquire('a', slices), cache.acquire('a', slices)]);
    expect(a.features).toBe(b.features);
    expect(encoded).toBe(1);
    const controller = new AbortController();
    const leaving = cache.acquire('b', slices, { signal: controller.signal });
    const staying = cache.acquire('b', slices);
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await (await staying).features.read()).length).toBe(16 * 256);
    const waiter = new AbortController();
    const running = cache.acquire('c', slices);
    const waiting = cache.acquire('c', slices, { signal: waiter.signal });
    waiter.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await running).features.sliceCount).toBe(1);
  });

  it('refuses after it is disposed', async () => {
    const cache = new FeatureCache(model, SLICE_BYTES);
    const { features, release } = await cache.acquire('a', slices);
    cache.dispose();
    await expect(cache.acquire('a', slices)).rejects.toMatchObject({ code: 'DISPOSED' });
    release();
    await expect(features.read()).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

describe('imageKey', () => {
  it('is equal for equal pixels and settings only', async () => {
    const data = Uint8Array.from({ length: 60 * 40 * 3 }, (_, index) => index % 251);
    const key = async (config: object = {}, change = 0): Promise<string> => {
      const pixels = data.slice();
      pixels[100]! += change;
      return imageKey(await preprocess({ width: 60, height: 40, data: pixels }, config));
    };
    const plain = await key();
    expect(await key()).toBe(plain);
    expect(new Set([plain, await key({}, 1), await key({ scaleResolution: 336 })]).size).toBe(3);
    const turned = await imageKey(await preprocess({ width: 40, height: 60, data }));
    expect(turned).not.toBe(plain);
  });
});
