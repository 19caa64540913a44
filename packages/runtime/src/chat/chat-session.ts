import { DisposedError } from '@pocketlens/backend';
import { SessionBusyError } from '../errors.js';
import type { CachedSequence, PromptUnit } from '../generation/cached-sequence.js';
import { pythonStrip } from '../prompt/messages.js';
import type { ContentPart, Message } from '../prompt/messages.js';
import { collectChat } from './collect.js';
import type { ChatEngine } from './engine.js';
import { ImageStore } from './image-store.js';
import { streamChat } from './stream-chat.js';
import type { ChatOptions, ChatPart, ChatResult } from './types.js';

export interface SessionOptions {
  /** Stands before the conversation. */
  readonly system?: string;
  /** Earlier turns, such as examples. */
  readonly messages?: readonly Message[];
}

/**
 * A conversation of several turns. The key-value cache is kept, so that a turn computes only what is new, and
 * every image is encoded once where the model's batching allows it.
 */
export class ChatSession {
  readonly #engine: ChatEngine;
  readonly #images: ImageStore;
  #messages: readonly Message[];
  #sequence: CachedSequence | undefined;
  #isBusy = false;
  #isDisposed = false;

  constructor(engine: ChatEngine, { system, messages = [] }: SessionOptions = {}) {
    this.#engine = engine;
    const isJoint = engine.model.config.batchVisionInput;
    this.#images = new ImageStore(engine.caches.images, { isJoint, config: engine.preprocessing });
    this.#messages = system === undefined ? messages : [{ role: 'system', content: system }, ...messages];
  }

  /** The finished turns so far. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /**
   * Adds a user message and streams the answer. The turn joins the history when the answer is complete; an aborted,
   * failed or abandoned one leaves no trace.
   *
   * @throws {SessionBusyError} `SESSION_BUSY` while another turn runs
   */
  async *send(
    content: string | readonly ContentPart[],
    options: ChatOptions = {},
  ): AsyncGenerator<ChatPart, void, undefined> {
    if (this.#isDisposed) throw new DisposedError('the session');
    if (this.#isBusy) throw new SessionBusyError();
    this.#isBusy = true;
    try {
      const messages: readonly Message[] = [...this.#messages, { role: 'user', content }];
      let answer = '';
      const sequence = (units: readonly PromptUnit[]): CachedSequence => this.#openSequence(units);
      for await (const part of streamChat({
        engine: this.#engine,
        images: this.#images,
        messages,
        options,
        sequence,
      })) {
        if (part.type === 'text-delta') answer += part.text;
        else this.#messages = [...messages, { role: 'assistant', content: pythonStrip(answer) }];
        yield part;
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** Adds a user message and waits for the whole answer. */
  ask(content: string | readonly ContentPart[], options: ChatOptions = {}): Promise<ChatResult> {
    return collectChat(this.send(content, options));
  }

  /** Lets the cache go; a running turn ends with `DisposedError`. A second call does nothing. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (this.#isBusy) this.#sequence?.dispose();
    else if (this.#sequence !== undefined) this.#engine.caches.sequences.release(this.#sequence);
    this.#images.dispose();
  }

  #openSequence(units: readonly PromptUnit[]): CachedSequence {
    if (this.#isDisposed) throw new DisposedError('the session');
    this.#sequence ??= this.#engine.caches.sequences.acquire(units);
    return this.#sequence;
  }
}
