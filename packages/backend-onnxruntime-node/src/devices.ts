import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { InvalidArgumentError } from '@pocketlens/backend';
import type { OnnxRuntime } from './runtime.js';

/** What computes: the processor, or what the installed native package offers beside it. */
export type NodeDevice = 'cpu' | 'cuda' | 'dml' | 'coreml' | 'qnn' | 'webgpu';

/** Every device, as ONNX Runtime calls its execution provider. */
export const DEVICES: readonly NodeDevice[] = ['cpu', 'cuda', 'dml', 'coreml', 'qnn', 'webgpu'];

/** One device is a demand, a list an order of preference. */
export type DeviceChoice = NodeDevice | readonly NodeDevice[];

/** The devices in the order of preference. Throws `InvalidArgumentError` `ARGUMENT_RANGE` for another name, or none. */
export function devicePreference(device: DeviceChoice = 'cpu'): readonly NodeDevice[] {
  const names: readonly string[] = typeof device === 'string' ? [device] : device;
  const unknown = names.find((name) => !(DEVICES as readonly string[]).includes(name));
  if (names.length > 0 && unknown === undefined) return typeof device === 'string' ? [device] : device;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `device must name some of ${DEVICES.join(', ')}, received ${unknown ?? 'none'}`,
  );
}

/**
 * Why the installed package cannot use a device, as far as its files tell; undefined when it may. Whether there is such
 * hardware shows when a graph is opened.
 */
export function whyNotOffered(device: NodeDevice, runtime: OnnxRuntime): string | undefined {
  const offered = runtime.listSupportedBackends().find(({ name }) => name === device);
  if (offered === undefined) {
    return `onnxruntime-node for ${process.platform} ${process.arch} has no ${device}`;
  }
  if (offered.bundled || hasProviderLibrary(device)) return undefined;
  return `the ${device} files of onnxruntime-node are not installed`;
}

/** What does not come with the npm package lies beside it, where its install script puts it. */
function hasProviderLibrary(device: NodeDevice): boolean {
  const folder = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const file =
    process.platform === 'win32' ? `onnxruntime_providers_${device}.dll` : `libonnxruntime_providers_${device}.so`;
  return existsSync(path.join(folder, 'bin', 'napi-v6', process.platform, process.arch, file));
}

/** y = relu(x) for one float32: the smallest graph that a device can be tried with. */
const SMALLEST_GRAPH = 'CAgSADozCgwKAXgSAXkiBFJlbHUSAWdaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgQKABAR';
const SILENT = 4;

/** Why a device cannot be used here, found by using it; undefined when it can. */
export async function tryDevice(device: NodeDevice, runtime: OnnxRuntime): Promise<string | undefined> {
  const reason = whyNotOffered(device, runtime);
  if (reason !== undefined) return reason;
  try {
    const options = { executionProviders: [device], logSeverityLevel: SILENT } as const;
    const session = await runtime.InferenceSession.create(Buffer.from(SMALLEST_GRAPH, 'base64'), options);
    const { y } = await session.run({ x: new runtime.Tensor('float32', Float32Array.of(-1), [1]) });
    await session.release();
    return y?.data[0] === 0 ? undefined : `${device} computes wrongly`;
  } catch (error) {
    return firstLine(error);
  }
}

/** What ONNX Runtime says, without the place in its source. */
export function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
  return line.replace(/^.*\bwas false\.\s*/, '').replace(/\.$/, '');
}
