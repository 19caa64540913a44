import { SharedMemory } from './shared-memory.js';
import { quantizeTask, type RowsTask } from './task.js';

/** Quantises rows, here or elsewhere. */
export interface RowsQuantizer {
  /** For tasks; what it hands out is given back when a result was used. */
  readonly memory: SharedMemory;
  /** Tasks that are worth beginning before the first of them is waited for. */
  readonly ahead: number;
  /**
   * @param tensor - name for messages
   * @throws {ModelFormatError} `MODEL_DTYPE` when a value is not finite
   */
  run(task: RowsTask, tensor: string): Promise<void>;
}

/** Quantises in the calling thread. */
export class InlineQuantizer implements RowsQuantizer {
  readonly memory: SharedMemory = new SharedMemory();
  readonly ahead = 0;

  async run(task: RowsTask, tensor: string): Promise<void> {
    quantizeTask(task, tensor);
  }
}
