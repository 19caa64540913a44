import type { TokenStream } from '../generation/generate-tokens.js';
import type { TokenLogprob, TokenLogprobs } from '../generation/logprobs.js';
import { type TextDelta, type TokenDecoder, TextStream } from '../generation/text-stream.js';
import type { Stopwatch } from './stopwatch.js';
import type { ChatPart, ChatTokenLogprob, ChatTokenLogprobs, FinishReason } from './types.js';

/** Text of single tokens, for those who look at log-probabilities. */
export interface TokenTexts {
  text(id: number): string;
}

/** Tokens that become an answer. */
export interface AnswerRequest {
  readonly tokens: TokenStream;
  readonly decoder: TokenDecoder;
  readonly texts: TokenTexts;
  /** The answer ends before the first of these texts. */
  readonly stop: readonly string[];
  /** Its prefill has ended; the first token and the decode phase are marked. */
  readonly watch: Stopwatch;
}

/** How an answer ended. */
export interface AnswerEnd {
  readonly finishReason: FinishReason;
  /** Tokens generated, those of a stop text included. */
  readonly completionTokens: number;
}

/** Turns tokens into the parts of an answer, as far as their text is certain, and ends the run at a stop text. */
export async function* streamAnswer(request: AnswerRequest): AsyncGenerator<ChatPart, AnswerEnd, undefined> {
  const { tokens, texts, watch } = request;
  const text = new TextStream(request.decoder, request.stop);
  let completionTokens = 0;
  let finishReason: FinishReason = 'stop';
  try {
    while (!text.isStopped) {
      const next = await tokens.next();
      watch.markFirstToken();
      if (next.done === true) {
        finishReason = next.value;
        break;
      }
      completionTokens++;
      const delta = text.push(next.value);
      if (delta !== undefined) yield textPart(delta, texts);
    }
  } finally {
    await tokens.return(finishReason);
  }
  watch.mark('decodeMs');
  const rest = text.end();
  if (rest !== undefined) yield textPart(rest, texts);
  // The held-back end may complete a stop text only together with the decoder's last characters.
  return { finishReason: text.isStopped ? 'stop' : finishReason, completionTokens };
}

function textPart({ text, tokens }: TextDelta, texts: TokenTexts): ChatPart {
  const tokenIds = tokens.map(({ id }) => id);
  const logprobs = tokens.flatMap((token) => (token.logprobs === undefined ? [] : withTexts(token.logprobs, texts)));
  return { type: 'text-delta', text, tokenIds, ...(logprobs.length === 0 ? {} : { logprobs }) };
}

function withTexts({ top, ...chosen }: TokenLogprobs, texts: TokenTexts): ChatTokenLogprobs {
  const withText = ({ id, logprob }: TokenLogprob): ChatTokenLogprob => ({ id, text: texts.text(id), logprob });
  return { ...withText(chosen), top: top.map(withText) };
}
