import { BackendError, DisposedError } from '@pocketlens/backend';
import type { AppendOptions, ImageFeatures, Logits, SequencePart, SequenceV1 } from '@pocketlens/backend';
import { checkTruncation } from '../capacity.js';
import type { RemoteCaller } from './caller.js';
import type { NoticeMessage, RemotePart } from './messages.js';

/** What features and sequences of one remote model share. */
export interface RemoteContext {
  readonly caller: RemoteCaller;
  readonly dropped: FinalizationRegistry<NoticeMessage>;
  /** The number of features of this model. Throws `InvalidArgumentError` for others. */
  readonly featuresNumber: (features: ImageFeatures) => number;
}

/** A sequence whose cache lives in the thread of the model. */
export class RemoteSequence implements SequenceV1 {
  readonly capacity: number;
  readonly #context: RemoteContext;
  readonly #number: number;
  #length: number;
  #isBusy = false;
  #isDisposed = false;

  constructor(context: RemoteContext, number: number, size: { readonly capacity: number; readonly length: number }) {
    this.#context = context;
    this.#number = number;
    this.capacity = size.capacity;
    this.#length = size.length;
    context.dropped.register(this, { type: 'close', sequence: number }, this);
  }

  get length(): number {
    return this.#length;
  }

  async append(parts: readonly SequencePart[], options: AppendOptions = {}): Promise<Logits> {
    this.#checkIdle();
    const remote = parts.map((part): RemotePart => this.#remotePart(part));
    const length = this.#length;
    this.#isBusy = true;
    try {
      const logits = await this.#context.caller.call(
        'append',
        { sequence: this.#number, parts: remote, logits: options.logits ?? 'last' },
        {
          signal: options.signal,
          onProgress: options.onProgress,
          undo: { type: 'truncate', sequence: this.#number, length },
        },
      );
      // Counted here, so that the features are referenced, and not freed, as long as the other end reads them.
      this.#length = parts.reduce((sum, part) => sum + positions(part), length);
      return logits;
    } finally {
      this.#isBusy = false;
    }
  }

  truncate(length: number): void {
    this.#checkIdle();
    checkTruncation(length, this.#length);
    if (length === this.#length) return;
    this.#length = length;
    this.#context.caller.notify({ type: 'truncate', sequence: this.#number, length });
  }

  fork(): RemoteSequence {
    this.#checkIdle();
    const number = this.#context.caller.newNumber();
    this.#context.caller.notify({ type: 'fork', sequence: number, from: this.#number });
    return new RemoteSequence(this.#context, number, { capacity: this.capacity, length: this.#length });
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#context.dropped.unregister(this);
    this.#context.caller.notify({ type: 'close', sequence: this.#number });
  }

  #remotePart(part: SequencePart): RemotePart {
    if ('ids' in part) return { ids: part.ids };
    return { features: this.#context.featuresNumber(part.features), slice: part.slice };
  }

  #checkIdle(): void {
    if (this.#isBusy) throw new BackendError('SEQUENCE_BUSY', 'the sequence is still working on the previous call');
    if (this.#context.caller.failure !== undefined) throw this.#context.caller.failure;
    if (this.#isDisposed) throw new DisposedError('the sequence');
  }
}

function positions(part: SequencePart): number {
  return 'ids' in part ? part.ids.length : part.features.queries;
}
