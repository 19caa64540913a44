import { CliError } from '../errors.js';

/**
 * Ctrl-C in a conversation: the first one stops the answer, a second one before the next question leaves.
 */
export class Interrupts {
  readonly #leave: AbortController = new AbortController();
  readonly #onFirst: (isAnswering: boolean) => void;
  #answer: AbortController | undefined;
  #isSecond = false;

  /** @param onFirst - tells that another one leaves */
  constructor(onFirst: (isAnswering: boolean) => void) {
    this.#onFirst = onFirst;
  }

  /** Fires when it is time to leave. */
  get left(): AbortSignal {
    return this.#leave.signal;
  }

  press(): void {
    if (this.#isSecond) {
      this.leave();
      return;
    }
    this.#isSecond = true;
    this.#onFirst(this.#answer !== undefined);
    this.#answer?.abort();
  }

  leave(): void {
    this.#leave.abort(new CliError('ABORTED', 'interrupted'));
    this.#answer?.abort();
  }

  /** A question has come. The signal stops its answer. */
  begin(): AbortSignal {
    this.#isSecond = false;
    this.#answer = new AbortController();
    return this.#answer.signal;
  }

  /** The answer has ended. */
  end(): void {
    this.#answer = undefined;
  }
}
