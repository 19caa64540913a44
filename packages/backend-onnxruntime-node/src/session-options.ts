import type { SessionOptions } from './create-session.js';
import type { NodeDevice } from './devices.js';

/** ONNX Runtime's severity scale: 3 = errors only, so that nothing else reaches stderr. */
const LOG_ERRORS_ONLY = 3;

/** How threads of a session work and wait. */
export interface ThreadSettings {
  readonly threads: number;
  readonly spinning: boolean;
}

/** Operators that the device lacks run on the processor. */
export function sessionOptions({ threads, spinning }: ThreadSettings, device: NodeDevice = 'cpu'): SessionOptions {
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    // DirectML asks for it.
    ...(device === 'dml' ? { enableMemPattern: false } : {}),
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: LOG_ERRORS_ONLY,
    extra: {
      session: {
        intra_op: { allow_spinning: spinning ? '1' : '0' },
        // Only x86 without VNNI: products of uint8 with int8 saturate there in pairs, so their weights become uint8.
        x64quantprecision: '1',
      },
    },
  };
}
