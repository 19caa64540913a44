import { BackendError } from '@pocketlens/backend';
import type * as OnnxRuntimeNode from 'onnxruntime-node';

export type OnnxRuntime = typeof OnnxRuntimeNode;

/** The native library is loaded when it is first needed, so that a machine without it can still ask `probe()`. */
export async function importRuntime(): Promise<OnnxRuntime> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new BackendError(
      'BACKEND_MISSING',
      `onnxruntime-node cannot be loaded on ${process.platform} ${process.arch}`,
      {
        cause,
        hint: 'Run `npm i onnxruntime-node`; it has binaries for Linux, macOS and Windows on x64 and arm64.',
      },
    );
  }
}
