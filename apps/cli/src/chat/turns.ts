import type { ChatOptions, ChatPart, ChatSession, ContentPart, Message } from '@pocketlens/runtime';
import type { OpenedModel } from '../provider-options.js';

/** A conversation that remembers its turns. */
export type Turns = Pick<ChatSession, 'send' | 'dispose'>;

/** A session of a model of this project, else a list of messages that is sent whole with every turn. */
export function openTurns(model: OpenedModel, system: string | undefined): Turns {
  return model.session?.(system === undefined ? {} : { system }) ?? new MessageTurns(model, system);
}

class MessageTurns implements Turns {
  readonly #model: OpenedModel;
  #messages: readonly Message[];

  constructor(model: OpenedModel, system: string | undefined) {
    this.#model = model;
    this.#messages = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  /** As of a session: a turn joins the history when its answer is complete. */
  async *send(content: string | readonly ContentPart[], options: ChatOptions = {}): AsyncGenerator<ChatPart, void> {
    const messages: readonly Message[] = [...this.#messages, { role: 'user', content }];
    let answer = '';
    for await (const part of this.#model.chat(messages, options)) {
      if (part.type === 'text-delta') answer += part.text;
      else this.#messages = [...messages, { role: 'assistant', content: answer.trim() }];
      yield part;
    }
  }

  dispose(): void {}
}
