import type { ChatOptions, Message } from '@pocketlens/runtime';
import { AbortError, JudgeError } from '../errors.js';
import { retry, type RetryOptions } from '../run/retry.js';
import { type CacheKey, JudgeCache } from './judge-cache.js';

/** One question to a judge. */
export interface JudgeRequest {
  readonly prompt: string;
  readonly system?: string;
  /** Whose words the prompt is; default `user`. */
  readonly role?: 'user' | 'system';
  /** 0 is greedy. */
  readonly temperature: number;
  /** Number of the try, from 0: the same question may be asked again. */
  readonly attempt: number;
}

/** Asks the judge. A question that it will never answer is answered with an empty text. */
export type AskJudge = (request: JudgeRequest) => Promise<string>;

/** What a judge did so far. */
export interface JudgeCounts {
  /** Questions that the model was asked. */
  readonly asked: number;
  /** Questions whose reply was on the disk. */
  readonly cached: number;
  /** Questions that the model refused to answer. */
  readonly refused: number;
}

/** A language model that reads answers where rules cannot. */
export interface Judge {
  /** Written into every report: another judge is another metric. */
  readonly name: string;
  ask(request: JudgeRequest, options?: { readonly signal?: AbortSignal }): Promise<string>;
  readonly counts: JudgeCounts;
}

/** Anything that answers a text: a model of `@pocketlens/provider-openai`, or a local one. */
export interface JudgeModel {
  generate(messages: readonly Message[], options: ChatOptions): Promise<{ readonly text: string }>;
}

export interface JudgeOptions {
  readonly model: JudgeModel;
  /** Name of the model, as it is to stand in the report. */
  readonly name: string;
  /** Folder that replies are kept in, by their content; default: they are not kept. */
  readonly cache?: string;
  /** Longest reply; default 1024, as the established tool allows. */
  readonly maxNewTokens?: number;
  readonly retries?: RetryOptions;
}

const MAX_NEW_TOKENS = 1024;
// The server has understood the question and will not answer it: another question may do better.
const REFUSALS: ReadonlySet<unknown> = new Set(['PROVIDER_FILTERED', 'PROVIDER_REQUEST', 'PROMPT_TOO_LONG']);

/** Makes a judge of a model. */
export function createJudge({ model, name, cache, maxNewTokens = MAX_NEW_TOKENS, retries }: JudgeOptions): Judge {
  const kept = cache === undefined ? undefined : new JudgeCache(cache);
  const counts = { asked: 0, cached: 0, refused: 0 };
  // The same question may come again before its first reply is on the disk.
  const asking = new Map<string, Promise<string>>();
  const generate = async (request: JudgeRequest, signal: AbortSignal | undefined): Promise<string> => {
    counts.asked += 1;
    const { prompt, system, role = 'user', temperature } = request;
    const question: Message = { role, content: prompt };
    const messages: Message[] = system === undefined ? [question] : [{ role: 'system', content: system }, question];
    const options = { maxNewTokens, ...(temperature > 0 && { temperature }), ...(signal && { signal }) };
    return (await retry(() => model.generate(messages, options), { ...retries, ...(signal && { signal }) })).text;
  };
  const lookUpOrAsk = async (
    key: CacheKey,
    request: JudgeRequest,
    signal: AbortSignal | undefined,
  ): Promise<string> => {
    const known = await kept?.get(key);
    if (known !== undefined) {
      counts.cached += 1;
      return known;
    }
    const reply = await generate(request, signal);
    await kept?.set(key, reply);
    return reply;
  };
  return {
    name,
    counts,
    async ask(request, { signal } = {}) {
      const key = { judge: name, maxNewTokens, ...request };
      const question = JSON.stringify(key);
      const inWork = kept && asking.get(question);
      if (inWork !== undefined) counts.cached += 1;
      const reply = inWork ?? lookUpOrAsk(key, request, signal).finally(() => asking.delete(question));
      if (kept) asking.set(question, reply);
      try {
        return await reply;
      } catch (error) {
        if (signal?.aborted) throw new AbortError(signal);
        if (!REFUSALS.has(Reflect.get(Object(error), 'code'))) throw failed(name, error);
        counts.refused += 1;
        return '';
      }
    },
  };
}

function failed(name: string, cause: unknown): JudgeError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new JudgeError('JUDGE_FAILED', `The judge ${name} does not answer: ${reason}`, {
    cause,
    hint: 'Replies so far are kept where a cache is given: score again when the judge is back.',
  });
}
