import { AbortError, isPocketlensError } from '@pocketlens/backend';
import type { AnsweringModel, ChatOptions, ChatPart, FinishPart, Message, Warning } from '@pocketlens/runtime';
import { collectChat } from '@pocketlens/runtime/provider';
import type { Rule } from './rules.js';
import type { AnsweredBy, CascadeFinishPart, CascadeOptions, CascadePart, CascadeResult, Escalation } from './types.js';

/**
 * A model that answers on the device, and asks a remote one only where the rule says so and somebody consents.
 *
 * @param local - asked first
 * @param remote - gets a conversation only with consent
 * @param rule - when to ask it
 */
export function cascade(
  local: AnsweringModel,
  remote: AnsweringModel,
  rule: Rule,
  options: CascadeOptions = {},
): CascadeModel {
  return new CascadeModel(local, remote, rule, options);
}

type Delta = Exclude<ChatPart, FinishPart>;

/** What a rule asked for, and what became of it so far. */
type Asked = Pick<Escalation, 'rule' | 'reason'>;

/** Make one with `cascade`. */
export class CascadeModel implements AnsweringModel {
  readonly name: string;
  readonly #local: AnsweringModel;
  readonly #remote: AnsweringModel;
  readonly #rule: Rule;
  readonly #options: CascadeOptions;

  constructor(local: AnsweringModel, remote: AnsweringModel, rule: Rule, options: CascadeOptions) {
    this.name = `${local.name}, else ${remote.name}`;
    this.#local = local;
    this.#remote = remote;
    this.#rule = rule;
    this.#options = options;
  }

  /**
   * Answers a conversation, streamed. The finish part tells which model answered, and what became of the rule. A local
   * answer that the rule is to judge comes in one piece, unless there is no consent for anything.
   *
   * @throws what the local model throws, and what the remote one throws after a part of its answer was given out
   * @throws {AbortError} `ABORTED`
   */
  async *chat(messages: readonly Message[], options: ChatOptions = {}): AsyncGenerator<CascadePart, void, undefined> {
    const started = performance.now();
    const early = this.#rule.before?.(messages);
    if (early !== undefined) {
      const asked = { rule: this.#rule.name, reason: early };
      const escalation = yield* this.#escalate(asked, messages, options, started);
      if (escalation !== undefined) yield* this.#answerLocally(messages, options, escalation);
      return;
    }
    yield* this.#judged(messages, options, started);
  }

  /** As `chat`, but waits for the whole answer; the remote one is never given out in part. */
  async generate(messages: readonly Message[], options: ChatOptions = {}): Promise<CascadeResult> {
    const whole = new CascadeModel(this.#local, this.#remote, this.#rule, { ...this.#options, holdRemote: true });
    let origin: Pick<CascadeResult, 'answeredBy' | 'escalation'> | undefined;
    async function* noting(parts: AsyncIterable<CascadePart>): AsyncGenerator<ChatPart> {
      for await (const part of parts) {
        if (part.type === 'finish') origin = originOf(part);
        yield part;
      }
    }
    const result = await collectChat(noting(whole.chat(messages, options)));
    return { ...result, ...origin! };
  }

  /** Disposes both models. */
  async dispose(): Promise<void> {
    await Promise.all([this.#local.dispose(), this.#remote.dispose()]);
  }

  /** Streams the local answer with what is to be told about it. */
  async *#answerLocally(
    messages: readonly Message[],
    options: ChatOptions,
    escalation: Escalation | undefined,
  ): AsyncGenerator<CascadePart, void, undefined> {
    for await (const part of this.#local.chat(messages, options)) {
      yield part.type === 'finish' ? this.#finish(part, 'local', escalation) : part;
    }
  }

  /** Answers locally, lets the rule judge, and asks the remote model where it says so. */
  async *#judged(
    messages: readonly Message[],
    options: ChatOptions,
    started: number,
  ): AsyncGenerator<CascadePart, void, undefined> {
    const { after, needsLogprobs = false } = this.#rule;
    if (after === undefined) return yield* this.#answerLocally(messages, options, undefined);
    // Without consent the local answer stands, whatever the rule will say: nothing need be held back.
    const isHeld = this.#mayAsk();
    const isLogprobAdded = needsLogprobs && options.logprobs === undefined;
    const localOptions = isLogprobAdded ? { ...options, logprobs: 0 } : options;
    const deltas: Delta[] = [];
    for await (const part of this.#local.chat(messages, localOptions)) {
      if (part.type !== 'finish') {
        deltas.push(part);
        if (!isHeld) yield isLogprobAdded ? withoutLogprobs(part) : part;
        continue;
      }
      const answer = await collectChat(listed([...deltas, part]));
      const reason = after(answer);
      const asked = reason === undefined ? undefined : { rule: this.#rule.name, reason };
      const escalation = asked && (yield* this.#escalate(asked, messages, options, started));
      if (asked !== undefined && escalation === undefined) return;
      if (isHeld) for (const delta of deltas) yield isLogprobAdded ? withoutLogprobs(delta) : delta;
      yield this.#finish(part, 'local', escalation);
    }
  }

  /**
   * Asks the remote model, with consent.
   *
   * @returns nothing when it has answered, else why the local answer stands
   */
  async *#escalate(
    asked: Asked,
    messages: readonly Message[],
    options: ChatOptions,
    started: number,
  ): AsyncGenerator<CascadePart, Escalation | undefined, undefined> {
    if (!(await this.#hasConsent(asked, messages, options.signal))) return { ...asked, outcome: 'refused' };
    const waited = performance.now() - started;
    const held: Delta[] = [];
    let isGiven = false;
    try {
      for await (const part of this.#remote.chat(messages, options)) {
        if (part.type === 'finish') {
          yield* held;
          yield this.#finish(delayed(part, waited), 'remote', { ...asked, outcome: 'answered' });
          return undefined;
        }
        if (this.#options.holdRemote === true) held.push(part);
        else {
          isGiven = true;
          yield part;
        }
      }
      throw new Error(`${this.#remote.name} ended without a finish part`);
    } catch (error) {
      if (isGiven || options.signal?.aborted === true) throw error;
      return { ...asked, outcome: 'failed', error: described(error) };
    }
  }

  #mayAsk(): boolean {
    const { consent = false } = this.#options;
    return consent !== false;
  }

  async #hasConsent(asked: Asked, messages: readonly Message[], signal: AbortSignal | undefined): Promise<boolean> {
    const { consent = false } = this.#options;
    const answer =
      typeof consent === 'function' ? await consent({ ...asked, remote: this.#remote.name, messages }) : consent;
    if (signal?.aborted === true) throw new AbortError(signal);
    // Anything but a clear yes is a no.
    return answer === true;
  }

  #finish(part: FinishPart, where: AnsweredBy['where'], escalation: Escalation | undefined): CascadeFinishPart {
    const answeredBy = { where, model: (where === 'local' ? this.#local : this.#remote).name };
    const told = escalation === undefined ? undefined : this.#warning(escalation);
    return {
      ...part,
      answeredBy,
      ...(escalation === undefined ? {} : { escalation }),
      warnings: told === undefined ? part.warnings : [...part.warnings, told],
    };
  }

  #warning({ rule, reason, outcome, error }: Escalation): Warning | undefined {
    const why = `the rule ${rule} asked for ${this.#remote.name} (${reason})`;
    if (outcome === 'refused')
      return { code: 'ESCALATION_REFUSED', message: `${why}; without consent nothing was sent` };
    if (outcome === 'answered') return undefined;
    return { code: 'ESCALATION_FAILED', message: `${why}; it failed, so the local model answered: ${error?.message}` };
  }
}

function originOf({ answeredBy, escalation }: CascadeFinishPart): Pick<CascadeResult, 'answeredBy' | 'escalation'> {
  return { answeredBy, ...(escalation === undefined ? {} : { escalation }) };
}

function withoutLogprobs({ type, text, tokenIds }: Delta): Delta {
  return { type, text, tokenIds };
}

/** The reader waited for the local answer, and for consent, before the remote model was asked. */
function delayed(part: FinishPart, waitedMs: number): FinishPart {
  return { ...part, timings: { ...part.timings, firstTokenMs: part.timings.firstTokenMs + waitedMs } };
}

function described(error: unknown): NonNullable<Escalation['error']> {
  const message = error instanceof Error ? error.message : String(error);
  return isPocketlensError(error) ? { code: error.code, message } : { message };
}

async function* listed<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
