import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { preprocess } from '@pocketlens/preprocessing';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel } from '@pocketlens/runtime';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cases,
  convertGolden,
  goldenSlice,
  largestDifference,
  readNpy,
} from '../../backend-onnxruntime-node/test/golden.js';
import { bundlePage } from '../test/browser/bundle.js';
import { findChromium, launchChromium } from '../test/browser/chromium.js';
import type { PageAnswer, PageRequest, ScoreRequest } from '../test/browser/page.js';
import { serveSite } from '../test/browser/serve.js';
import type { Site } from '../test/browser/serve.js';
import { answerIds, MAX_NEW_TOKENS, pictures, QUESTION, readPicture } from '../test/pictures.js';

const executable = findChromium();
if (executable === undefined) {
  console.warn(
    'No Chromium: the page is not tested in a browser. Install it (apt-get install chromium), or set CHROMIUM.',
  );
}

const root = path.resolve(import.meta.dirname, '../../..');
const FEW = pictures.slice(1, 2);
const SOME = pictures.slice(0, 4);
/** Many rows, and a joint batch whose padding is masked. */
const PROMPT_FOR_GPU = 'source_and_1x2_slices_then_second_image_in_second_turn';
/** Ten times what threads and vector units change; a wrong kernel is off by whole numbers. */
const GPU_TOLERANCE = 1e-3;
/** A browser that compiles the engine beside other work takes its time. */
const TIMEOUT_MS = 180_000;

describe.skipIf(executable === undefined)('a page in Chromium', { timeout: TIMEOUT_MS }, () => {
  let folder: string;
  let browser: Browser;
  let golden: Awaited<ReturnType<typeof convertGolden>> | undefined;
  let sites: Readonly<Record<'isolated' | 'plain', Site>>;
  const expectedIds: (readonly number[])[] = [];
  const expectedSlices: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-page-'));
    await bundlePage(folder);
    golden = await convertGolden();
    const folders = { '/model/': modelDirectory, '/golden/': golden.directory, '/pictures/': root, '/': folder };
    sites = {
      isolated: await serveSite(folders, { isolated: true }),
      plain: await serveSite(folders, { isolated: false }),
    };
    browser = await launchChromium(executable!);
    const model = await openModel('tiny', { backend: onnxruntimeNode({ threads: 1 }) });
    for (const picture of pictures) {
      const image = await readPicture(picture);
      expectedIds.push(await answerIds(model, image));
      const hash = createHash('sha256');
      for (const { pixelValues } of (await preprocess(image)).slices) hash.update(pixelValues);
      expectedSlices.push(hash.digest('hex'));
    }
    await model.dispose();
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await Promise.all(Object.values(sites ?? {}).map((site) => site.close()));
    await golden?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** Asks the page, and makes sure that it asks nobody but its own origin. */
  async function ask(site: Site, request: Partial<PageRequest>, where: Browser = browser): Promise<PageAnswer> {
    const page = await where.newPage();
    const foreign: string[] = [];
    page.on('request', (sent) => {
      if (!/^(blob|data):/.test(sent.url()) && !sent.url().startsWith(site.address)) foreign.push(sent.url());
    });
    try {
      await page.goto(site.address);
      await page.waitForFunction(() => 'answer' in globalThis);
      const answer = await page.evaluate(
        (asked) => (globalThis as unknown as { answer(request: unknown): Promise<unknown> }).answer(asked),
        {
          options: {},
          question: QUESTION,
          maxNewTokens: MAX_NEW_TOKENS,
          from: 'address',
          ...request,
          pictures: (request.pictures ?? FEW).map((picture) => `pictures/${picture}`),
        },
      );
      expect(foreign).toEqual([]);
      return answer as PageAnswer;
    } finally {
      await page.close();
    }
  }

  const idsOf = (asked: readonly string[]): unknown => asked.map((picture) => expectedIds[pictures.indexOf(picture)]);

  it('answers with threads as Node does where it is isolated, and stays responsive', async () => {
    const answer = await ask(sites.isolated, { options: { threads: 2 }, pictures });
    expect(answer).toMatchObject({ isolated: true, warnings: [], report: { available: true, threads: 2 } });
    expect(answer.longestGapMs).toBeLessThan(
      answer.encodeMs.concat(answer.prefillMs).reduce((sum, ms) => sum + ms, 0) / 4,
    );
    expect(answer.slices).toEqual(expectedSlices);
    expect(answer.ids).toEqual(expectedIds);
  });

  it('answers the same with one thread where it is not, and says so', async () => {
    const answer = await ask(sites.plain, { options: { threads: 2 }, pictures: SOME });
    expect(answer).toMatchObject({ isolated: false, warnings: ['THREADS_UNAVAILABLE'], report: { threads: 1 } });
    expect(answer.report).toMatchObject({
      missing: { threads: expect.stringContaining('Cross-Origin-Opener-Policy') },
    });
    expect(answer.ids).toEqual(idsOf(SOME));
  });

  it.each(['folder', 'files'] as const)('reads a model that was chosen as %s', async (from) => {
    const answer = await ask(sites.plain, { from });
    expect(answer.ids).toEqual(idsOf(FEW));
    expect(answer.progress[0]).toBe(answer.progress[1]);
  });

  it('runs in the page itself when there shall be no worker', async () => {
    const answer = await ask(sites.isolated, { inPage: true, options: { threads: 2 } });
    expect(answer.ids).toEqual(idsOf(FEW));
  });

  it('says what is not where it should be', async () => {
    await expect(ask(sites.plain, { lost: 'worker' })).rejects.toThrow('the worker of the model does not start');
    await expect(ask(sites.plain, { lost: 'engine' })).rejects.toThrow('onnxruntime-web cannot start on wasm');
  });

  it('says that there is no WebGPU, and goes on or does not, as it was asked', async () => {
    const answer = await ask(sites.plain, { options: { device: ['webgpu', 'wasm'] } });
    expect(answer.warnings).toEqual(['WEBGPU_UNAVAILABLE']);
    expect(answer.ids).toEqual(idsOf(FEW));
    await expect(ask(sites.plain, { options: { device: 'webgpu' } })).rejects.toThrow('webgpu was asked for');
  });

  it('computes the reference values on WebGPU, with an adapter in software', async () => {
    const withGpu = await launchChromium(executable!, { softwareGpu: true });
    try {
      const page = await withGpu.newPage();
      await page.goto(sites.isolated.address);
      await page.waitForFunction(() => 'score' in globalThis);
      for (const prompt of cases.prompts.filter(({ name }) => name === PROMPT_FOR_GPU)) {
        const request: ScoreRequest = {
          device: 'webgpu',
          ids: prompt.input_ids,
          imageBounds: prompt.image_bounds,
          slices: prompt.images.map(goldenSlice).map(({ pixelValues, targetSize }) => ({
            pixelValues: Array.from(pixelValues),
            targetSize,
          })),
        };
        const scores = await page.evaluate(
          (asked) => (globalThis as unknown as { score(request: unknown): Promise<number[]> }).score(asked),
          request,
        );
        const expected = readNpy(prompt.last_logits) as Float32Array;
        expect(largestDifference(Float32Array.from(scores), expected)).toBeLessThan(GPU_TOLERANCE);
      }
    } finally {
      await withGpu.close();
    }
  });
});
