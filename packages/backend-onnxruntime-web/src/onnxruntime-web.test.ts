import { BackendError } from '@pocketlens/backend';
import { modelDirectory } from '@pocketlens/model-tiny';
import { describe, expect, it } from 'vitest';
import { convertGolden } from '../../backend-onnxruntime-node/test/golden.js';
import { onnxruntimeWeb } from './index.js';
import type { ReadProgress, WebWarning } from './index.js';

describe('onnxruntimeWeb', () => {
  it('reports what there is, and why there is not more', async () => {
    const report = await onnxruntimeWeb({ threads: 2 }).probe();
    expect(report).toMatchObject({ available: true, devices: ['wasm'], threads: 2 });
    expect(report.missing.webgpu).toMatch(/no WebGPU/);
    expect(report.version).toMatch(/^\d+\.\d+/);
    const demanding = await onnxruntimeWeb({ device: 'webgpu' }).probe();
    expect(demanding).toMatchObject({ available: false, reason: report.missing.webgpu });
  });

  it('refuses options that mean nothing', () => {
    const range = expect.objectContaining({ code: 'ARGUMENT_RANGE' });
    for (const threads of [0, -1, 1.5]) expect(() => onnxruntimeWeb({ threads })).toThrow(range);
    expect(() => onnxruntimeWeb({ device: [] })).toThrow(range);
    expect(() => onnxruntimeWeb({ device: 'cuda' as 'wasm' })).toThrow(range);
  });

  it('takes a demand for WebGPU at its word, and a preference as far as it goes', async () => {
    await expect(onnxruntimeWeb({ device: 'webgpu' }).loadModel(modelDirectory)).rejects.toMatchObject({
      name: 'BackendError',
      code: 'BACKEND_UNSUPPORTED',
      hint: expect.stringContaining("['webgpu', 'wasm']"),
    });
    const warnings: WebWarning[] = [];
    const onWarning = (warning: WebWarning): void => void warnings.push(warning);
    const model = await onnxruntimeWeb({ device: ['webgpu', 'wasm'], threads: 1, onWarning }).loadModel(modelDirectory);
    expect(model.capabilities.device).toBe('wasm');
    expect(warnings.map(({ code }) => code)).toEqual(['WEBGPU_UNAVAILABLE']);
    await model.dispose();
  });

  it('says that the engine of a thread keeps its threads', async () => {
    const warnings: WebWarning[] = [];
    const backend = onnxruntimeWeb({ threads: 2, onWarning: (warning) => warnings.push(warning) });
    const model = await backend.loadModel(modelDirectory);
    expect(warnings).toMatchObject([{ code: 'THREADS_FIXED', message: expect.stringContaining('1 thread') }]);
    await model.dispose();
  });

  it('says that 4-bit weights are slow', async () => {
    const { directory, remove } = await convertGolden({ dtypes: ['q4'] });
    const codes: string[] = [];
    const backend = onnxruntimeWeb({ threads: 1, onWarning: ({ code }) => codes.push(code) });
    const model = await backend.loadModel(directory);
    expect(codes).toEqual(['DTYPE_SLOW']);
    await model.dispose();
    await remove();
  });

  it('tells how much of the model is read, to the end', async () => {
    const seen: ReadProgress[] = [];
    const backend = onnxruntimeWeb({ threads: 1, onProgress: (progress) => seen.push(progress) });
    const model = await backend.loadModel(modelDirectory, { verify: true });
    const { total } = seen[0]!;
    expect(total).toBeGreaterThan(10_000_000);
    expect(seen.every((progress, i) => progress.total === total && progress.done >= (seen[i - 1]?.done ?? 0))).toBe(
      true,
    );
    expect(seen.at(-1)?.done).toBe(total);
    await model.dispose();
  });

  it('stops reading on a signal', async () => {
    const controller = new AbortController();
    const backend = onnxruntimeWeb({ threads: 1, onProgress: () => controller.abort() });
    const loading = backend.loadModel(modelDirectory, { signal: controller.signal });
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(loading).rejects.not.toBeInstanceOf(BackendError);
  });
});
