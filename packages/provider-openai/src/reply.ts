import type { ChatResult, FinishReason, Usage } from '@pocketlens/runtime';
import type OpenAI from 'openai';
import { ProviderError } from './errors.js';

// Python's `str.strip`, as the runtime and the established tools apply it to answers.
const SPACE = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const ENDS = new RegExp(`^${SPACE}+|(?<!${SPACE})${SPACE}+$`, 'g');

/** What a whole reply says. */
export type Reply = Pick<ChatResult, 'text' | 'finishReason' | 'usage'>;

/**
 * Reads the reply to a request that was not streamed.
 *
 * @throws {ProviderError} `PROVIDER_REPLY` when there is no answer in it, `PROVIDER_FILTERED`
 */
export function readReply(body: string, host: string): Reply {
  const completion = parse(body, host);
  const choice = completion.choices?.[0];
  if (choice?.message === undefined || choice.message === null) throw noAnswer(host, body);
  const { content, refusal } = choice.message;
  return {
    text: stripEnds(content ?? refusal ?? ''),
    finishReason: readFinishReason(choice.finish_reason, host),
    usage: readUsage(completion.usage),
  };
}

/** Removes white space at both ends. */
export function stripEnds(text: string): string {
  return text.replaceAll(ENDS, '');
}

/**
 * `length` for an answer that was cut, else `stop`.
 *
 * @throws {ProviderError} `PROVIDER_FILTERED` when the server withheld the answer
 */
export function readFinishReason(reason: string | null | undefined, host: string): FinishReason {
  if (reason === 'content_filter') {
    throw new ProviderError('PROVIDER_FILTERED', `${host} withheld the answer (finish reason content_filter).`);
  }
  return reason === 'length' ? 'length' : 'stop';
}

/** Counts of tokens; NaN where the server does not tell. The protocol never tells `imageTokens`. */
export function readUsage(usage: OpenAI.CompletionUsage | null | undefined): Usage {
  const reusedTokens = usage?.prompt_tokens_details?.cached_tokens;
  return {
    promptTokens: usage?.prompt_tokens ?? Number.NaN,
    imageTokens: Number.NaN,
    completionTokens: usage?.completion_tokens ?? Number.NaN,
    ...(typeof reusedTokens === 'number' ? { reusedTokens } : {}),
  };
}

type Completion = Partial<Pick<OpenAI.ChatCompletion, 'choices' | 'usage'>>;

function parse(body: string, host: string): Completion {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw noAnswer(host, body);
  }
  if (typeof value !== 'object' || value === null) throw noAnswer(host, body);
  return value as Completion;
}

function noAnswer(host: string, body: string): ProviderError {
  const start = body.slice(0, 80).replaceAll(/\s+/g, ' ');
  return new ProviderError('PROVIDER_REPLY', `Expected a chat completion from ${host}, got "${start}".`, {
    isRetryable: true,
    hint: 'Check that the base URL is that of the API; it usually ends with /v1.',
  });
}
