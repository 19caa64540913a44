import { isPocketlensError } from '@pocketlens/backend';
import type { BackendModelV1, BackendV1 } from '@pocketlens/backend';
import { LoggingModel } from './logging-model.js';

/** One call that has ended. */
export interface CallRecord {
  readonly call: string;
  readonly milliseconds: number;
  /** Code of the error that ended it; absent when it succeeded. */
  readonly code?: string;
}

export type Log = (record: CallRecord) => void;

/** A backend that tells `log` about every call to the engine below it, and changes nothing. */
export function loggingBackend(engine: BackendV1, log: Log): BackendV1 {
  return {
    specificationVersion: 'v1',
    name: `logging-${engine.name}`,
    probe: () => engine.probe(),
    loadModel: async (source, options): Promise<BackendModelV1> =>
      new LoggingModel(await logged(log, 'loadModel', () => engine.loadModel(source, options)), log),
  };
}

/** Runs a call, and logs how long it took and how it ended. */
export async function logged<T>(log: Log, call: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    const result = await work();
    log({ call, milliseconds: performance.now() - start });
    return result;
  } catch (error) {
    const code = isPocketlensError(error) ? error.code : 'UNKNOWN';
    log({ call, milliseconds: performance.now() - start, code });
    throw error;
  }
}
