import { InvalidArgumentError } from '@pocketlens/backend';
import type { ChatResult, Message } from '@pocketlens/runtime';

/** When to ask the remote model. Each question gives a reason, in one sentence, or nothing. */
export interface Rule {
  readonly name: string;
  /** Asked before anything is computed: the remote model then answers in the first place. */
  readonly before?: (messages: readonly Message[]) => string | undefined;
  /** Asked about the local answer, which is held back for it. */
  readonly after?: (answer: ChatResult) => string | undefined;
  /** The local model is asked for log-probabilities, which `after` looks at. */
  readonly needsLogprobs?: boolean;
}

/** When the tokens of the local answer are less probable than this on (geometric) average, above 0 and below 1. */
export function whenUnsure(probability: number): Rule {
  if (!(probability > 0 && probability < 1)) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `probability must be above 0 and below 1, received ${probability}`,
    );
  }
  return {
    name: `unsure:${probability}`,
    needsLogprobs: true,
    after: ({ logprobs = [] }) => {
      if (logprobs.length === 0) return undefined;
      const mean = Math.exp(logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / logprobs.length);
      if (mean >= probability) return undefined;
      return `the tokens of the local answer have a probability of ${mean.toFixed(2)} on average`;
    },
  };
}

/** When the local answer is empty. */
export function whenEmpty(): Rule {
  return { name: 'empty', after: ({ text }) => (text.trim() === '' ? 'the local answer is empty' : undefined) };
}

/** When the local answer was cut by the limit of its length. */
export function whenCut(): Rule {
  return {
    name: 'cut',
    after: ({ finishReason }) => (finishReason === 'length' ? 'the local answer was cut' : undefined),
  };
}

/** When a conversation holds more pictures than this. */
export function whenPictures(most: number): Rule {
  if (!Number.isSafeInteger(most) || most < 0) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `most must be a whole number of at least 0, received ${most}`);
  }
  return {
    name: `pictures:${most}`,
    before: (messages) => {
      const count = messages.flatMap(partsOf).filter(({ type }) => type === 'image').length;
      if (count <= most) return undefined;
      return `the conversation holds ${count} ${count === 1 ? 'picture' : 'pictures'}, more than ${most}`;
    },
  };
}

/** When the last message matches. */
export function whenPrompt(pattern: RegExp): Rule {
  return {
    name: `prompt:${pattern.source}`,
    before: (messages) => {
      const last = messages.at(-1);
      const text =
        last === undefined
          ? ''
          : partsOf(last)
              .map((part) => (part.type === 'text' ? part.text : ''))
              .join('\n');
      return text.search(pattern) >= 0 ? `the question matches ${String(pattern)}` : undefined;
    },
  };
}

/** Always: the local model stands in only where the remote one fails. */
export function whenAlways(): Rule {
  return { name: 'always', before: () => 'the rule asks for it always' };
}

/** The first of several rules that asks for the remote model. */
export function anyOf(...rules: readonly Rule[]): Rule {
  const before = rules.flatMap((rule) => rule.before ?? []);
  const after = rules.flatMap((rule) => rule.after ?? []);
  return {
    name: rules.map(({ name }) => name).join(','),
    needsLogprobs: rules.some(({ needsLogprobs }) => needsLogprobs === true),
    ...(before.length === 0 ? {} : { before: (messages) => firstReason(before, messages) }),
    ...(after.length === 0 ? {} : { after: (answer) => firstReason(after, answer) }),
  };
}

/** Spellings that `parseRule` takes, for a help text. */
export const RULES = 'unsure:P (0 < P < 1), empty, cut, pictures:N, always';

/**
 * Reads a rule as it is written in a command line: one of `RULES`, or several with commas.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE`
 */
export function parseRule(text: string): Rule {
  const rules = text.split(',').map(parseOne);
  return rules.length === 1 ? rules[0]! : anyOf(...rules);
}

function parseOne(text: string): Rule {
  const [, name = '', value] = /^([a-z]+)(?::(\d*\.?\d+))?$/.exec(text.trim()) ?? [];
  if (name === 'unsure' && value !== undefined) return whenUnsure(Number(value));
  if (name === 'pictures' && value !== undefined) return whenPictures(Number(value));
  if (name === 'empty' && value === undefined) return whenEmpty();
  if (name === 'cut' && value === undefined) return whenCut();
  if (name === 'always' && value === undefined) return whenAlways();
  throw new InvalidArgumentError('ARGUMENT_RANGE', `expected a rule (${RULES}), received ${JSON.stringify(text)}`);
}

function firstReason<T>(rules: readonly ((value: T) => string | undefined)[], value: T): string | undefined {
  for (const rule of rules) {
    const reason = rule(value);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function partsOf({ content }: Message): Exclude<Message['content'], string> {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}
