import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel } from '@pocketlens/runtime';
import { describe, expect, it } from 'vitest';
import { devicePreference, DEVICES, firstLine, type NodeDevice, tryDevice } from './devices.js';
import { onnxruntimeNode } from './index.js';
import { importRuntime } from './runtime.js';

const OTHERS = DEVICES.filter((device) => device !== 'cpu');
const runtime = await importRuntime();
const reasons = new Map<NodeDevice, string | undefined>();
for (const device of OTHERS) reasons.set(device, await tryDevice(device, runtime));

describe('the processor', () => {
  it('is what computes without a word', async () => {
    expect(await tryDevice('cpu', runtime)).toBeUndefined();
    const model = await onnxruntimeNode().loadModel(modelDirectory);
    expect(model).toMatchObject({ capabilities: { device: 'cpu' }, warnings: [] });
    await model.dispose();
  });
});

describe.each(OTHERS)('%s', (device) => {
  const reason = reasons.get(device);

  it('is taken where it can be used, and its absence is told', async () => {
    const model = await onnxruntimeNode({ device: [device, 'cpu'], worker: false }).loadModel(modelDirectory);
    if (reason === undefined) expect(model.capabilities.device).toBe(device);
    else {
      expect(model.capabilities.device).toBe('cpu');
      expect(model.warnings).toEqual([
        { code: 'DEVICE_UNAVAILABLE', message: `${device} cannot be used (${reason}): cpu is tried` },
      ]);
    }
    await model.dispose();
  });

  it.runIf(reason !== undefined)('is a demand where it stands alone', async () => {
    const failure = onnxruntimeNode({ device, worker: false }).loadModel(modelDirectory);
    await expect(failure).rejects.toMatchObject({
      name: 'BackendError',
      code: 'BACKEND_UNSUPPORTED',
      message: `${device} was asked for and cannot be used: ${reason}`,
      hint: expect.stringContaining(`['${device}', 'cpu']`) as unknown,
    });
    expect(await onnxruntimeNode({ device }).probe()).toMatchObject({ available: false, reason, devices: ['cpu'] });
  });
});

it('a model in a thread reports too, and the answer of the runtime carries it', async () => {
  const device = OTHERS.filter((one) => reasons.get(one) !== undefined);
  const backend = onnxruntimeNode({ device: [...device, 'cpu'] });
  const model = await openModel(modelDirectory, { backend });
  const codes = device.map(() => 'DEVICE_UNAVAILABLE');
  expect(model.warnings.map(({ code }) => code)).toEqual(codes);
  const { warnings } = await model.generate([{ role: 'user', content: 'Hello' }], { maxNewTokens: 1 });
  expect(warnings.map(({ code }) => code)).toEqual(codes);
  await model.dispose();
});

it('every device is there, untried, or missing for a reason', async () => {
  const report = await onnxruntimeNode().probe();
  const named = [...report.devices, ...report.untried, ...Object.keys(report.missing)];
  expect(named.toSorted()).toEqual([...DEVICES].toSorted());
  expect(report).toMatchObject({ available: true, devices: ['cpu'] });
  const tried = await onnxruntimeNode({ device: DEVICES }).probe();
  expect(tried.untried).toEqual([]);
  for (const device of OTHERS) expect(tried.missing[device]).toBe(reasons.get(device));
});

it('a device that there is not is refused by name', () => {
  for (const device of ['gpu', '', [] as const, ['cpu', 'tpu']]) {
    expect(() => onnxruntimeNode({ device: device as NodeDevice })).toThrowError(
      expect.objectContaining({ code: 'ARGUMENT_RANGE' }) as Error,
    );
  }
  expect(devicePreference()).toEqual(['cpu']);
});

it('the native library is quoted without its source', () => {
  const native =
    '/onnxruntime_src/a.cc:136 f() ok == Success was false. Failed to get a WebGPU adapter: No supported adapters.\n\n';
  expect(firstLine(new Error(native))).toBe('Failed to get a WebGPU adapter: No supported adapters');
});
