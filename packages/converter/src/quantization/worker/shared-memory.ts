/** Memory for one task. */
export interface TaskMemory {
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
}

/** Memory shared between threads, used again: it is freed by the garbage collector alone, and too late for gigabytes. */
export class SharedMemory {
  #free: TaskMemory[] = [];

  /** Memory of at least these sizes, with anything in it. */
  take(inputBytes: number, outputBytes: number): TaskMemory {
    const memory = this.#free.pop();
    if (memory !== undefined && memory.input.byteLength >= inputBytes && memory.output.byteLength >= outputBytes) {
      return memory;
    }
    // Sizes change from tensor to tensor: a piece that is too small goes, so that their number does not grow.
    return { input: new SharedArrayBuffer(inputBytes), output: new SharedArrayBuffer(outputBytes) };
  }

  giveBack({ input, output }: TaskMemory): void {
    this.#free.push({ input, output });
  }
}
