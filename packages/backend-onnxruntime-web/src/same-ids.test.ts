import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { openModel } from '@pocketlens/runtime';
import type { VisionLanguageModel } from '@pocketlens/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerIds, pictures, readPicture } from '../test/pictures.js';
import { onnxruntimeWeb } from './index.js';

describe('one thread of WebAssembly', () => {
  let native: VisionLanguageModel;
  let web: VisionLanguageModel;

  beforeAll(async () => {
    native = await openModel('tiny', { backend: onnxruntimeNode({ threads: 1 }) });
    web = await openModel('tiny', { backend: onnxruntimeWeb({ threads: 1 }) });
  });

  afterAll(() => Promise.all([native?.dispose(), web?.dispose()]));

  it.each(pictures)('answer with the ids of the native engine: %s', async (picture) => {
    const image = await readPicture(picture);
    expect(await answerIds(web, image)).toEqual(await answerIds(native, image));
  });
});
