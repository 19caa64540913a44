import { throwIfAborted } from '@pocketlens/backend';
import { InvalidPromptError, UnsupportedError } from '../errors.js';
import { unitsLength } from '../generation/cached-sequence.js';
import type { CachedSequence, PromptUnit } from '../generation/cached-sequence.js';
import { generateTokens } from '../generation/generate-tokens.js';
import type { DraftCounts } from '../generation/generate-tokens.js';
import type { TokenLogprob, TokenLogprobs } from '../generation/logprobs.js';
import { resolveGenerationOptions } from '../generation/options.js';
import type { GenerationSettings } from '../generation/options.js';
import { TextStream } from '../generation/text-stream.js';
import type { TextDelta } from '../generation/text-stream.js';
import { buildPrompt } from '../prompt/build-prompt.js';
import { checkMessages, imageParts } from '../prompt/messages.js';
import type { Message } from '../prompt/messages.js';
import type { Prompt } from '../prompt/prompt-writer.js';
import type { ChatEngine, ChatTokenizer } from './engine.js';
import type { ImageStore, SliceFeatures } from './image-store.js';
import type {
  ChatOptions,
  ChatPart,
  ChatTokenLogprob,
  ChatTokenLogprobs,
  FinishReason,
  Usage,
  Warning,
} from './types.js';
import { Stopwatch } from './stopwatch.js';

export interface ChatRequest {
  readonly engine: ChatEngine;
  readonly messages: readonly Message[];
  readonly options: ChatOptions;
  readonly images: ImageStore;
  /** Where the prompt goes; asked for once, when the prompt is known. */
  readonly sequence: (units: readonly PromptUnit[]) => CachedSequence;
}

/** Answers a conversation, part by part. The last part is `finish`. */
export async function* streamChat(request: ChatRequest): AsyncGenerator<ChatPart, void, undefined> {
  const { engine, messages, options, images } = request;
  const watch = new Stopwatch(engine.loadMs);
  throwIfAborted(options.signal);
  const settings = resolveGenerationOptions(options);
  const tokenizer = needTokenizer(engine);
  checkMessages(messages);
  const prepared = await images.prepare(imageParts(messages), {
    mode: options.imageMode ?? 'natural',
    signal: options.signal,
  });
  watch.mark('preprocessMs');
  const grids = prepared.map(({ plan }) => plan.grid);
  const prompt = buildPrompt(messages, grids, { tokenizer, style: engine.style });
  checkImageCount(prompt, prepared);
  const imageTokens = prompt.sliceCount * engine.model.config.queries;
  const { maxNewTokens, warnings } = fitContext(engine, settings, { textTokens: prompt.textTokens, imageTokens });
  const slices = await images.encode(prepared, {
    ...signalOption(options.signal),
    onProgress: (progress) => options.onProgress?.({ phase: 'encode', ...progress }),
  });
  watch.mark('encodeMs');
  const units = promptUnits(prompt, slices);
  const sequence = request.sequence(units);
  const { logits, reused } = await sequence.prefill(units, {
    ...signalOption(options.signal),
    onProgress: (progress) => options.onProgress?.({ phase: 'prefill', ...progress }),
  });
  watch.mark('prefillMs');
  const { signal } = options;
  const counts: DraftCounts = { drafted: 0, accepted: 0 };
  const answer = streamAnswer({ engine, settings, tokenizer, sequence, logits, maxNewTokens, signal, watch, counts });
  const { finishReason, completionTokens } = yield* answer;
  const usage: Usage = {
    promptTokens: unitsLength(units),
    imageTokens,
    completionTokens,
    reusedTokens: reused,
    ...(settings.speculation === 'none' ? {} : { draftedTokens: counts.drafted, acceptedTokens: counts.accepted }),
  };
  const imageWarnings = prepared.flatMap((image) => image.warnings.map(({ code, message }) => ({ code, message })));
  yield {
    type: 'finish',
    finishReason,
    usage,
    timings: watch.timings(completionTokens),
    warnings: [...engine.warnings, ...imageWarnings, ...warnings],
  };
}

interface AnswerRequest {
  readonly engine: ChatEngine;
  readonly settings: GenerationSettings;
  readonly tokenizer: ChatTokenizer;
  readonly sequence: CachedSequence;
  readonly logits: Float32Array;
  readonly maxNewTokens: number;
  readonly signal: AbortSignal | undefined;
  readonly watch: Stopwatch;
  readonly counts: DraftCounts;
}

async function* streamAnswer(
  request: AnswerRequest,
): AsyncGenerator<ChatPart, { readonly finishReason: FinishReason; readonly completionTokens: number }, undefined> {
  const { settings, tokenizer, watch } = request;
  const text = new TextStream(tokenizer.stream(), settings.stop);
  const tokens = generateTokens({ ...request, stopIds: request.engine.stopIds });
  let completionTokens = 0;
  let finishReason: FinishReason = 'stop';
  while (!text.isStopped) {
    const next = await tokens.next();
    watch.markFirstToken();
    if (next.done === true) {
      finishReason = next.value;
      break;
    }
    completionTokens++;
    const delta = text.push(next.value);
    if (delta !== undefined) yield toPart(delta, tokenizer);
  }
  watch.mark('decodeMs');
  const rest = text.end();
  if (rest !== undefined) yield toPart(rest, tokenizer);
  // The held-back end may complete a stop text only together with the decoder's last characters.
  return { finishReason: text.isStopped ? 'stop' : finishReason, completionTokens };
}

function toPart({ text, tokens }: TextDelta, tokenizer: ChatTokenizer): ChatPart {
  const tokenIds = tokens.map(({ id }) => id);
  const logprobs = tokens.flatMap((token) =>
    token.logprobs === undefined ? [] : withTexts(token.logprobs, tokenizer),
  );
  return { type: 'text-delta', text, tokenIds, ...(logprobs.length === 0 ? {} : { logprobs }) };
}

function withTexts({ top, ...chosen }: TokenLogprobs, tokenizer: ChatTokenizer): ChatTokenLogprobs {
  const withText = ({ id, logprob }: TokenLogprob): ChatTokenLogprob => ({ id, text: tokenizer.text(id), logprob });
  return { ...withText(chosen), top: top.map(withText) };
}

function promptUnits(prompt: Prompt, slices: readonly SliceFeatures[]): readonly PromptUnit[] {
  return prompt.parts.flatMap((part): readonly PromptUnit[] =>
    part.type === 'ids' ? part.ids : [slices[part.index]!],
  );
}

function checkImageCount(prompt: Prompt, images: readonly { readonly slices: readonly unknown[] }[]): void {
  const count = images.reduce((sum, { slices }) => sum + slices.length, 0);
  if (count === prompt.sliceCount) return;
  throw new InvalidPromptError('PROMPT_IMAGE_COUNT', `${prompt.sliceCount} places in the prompt for ${count} slices`);
}

/** Room for the answer. Throws `PROMPT_TOO_LONG` when the prompt leaves none; nothing is ever cut. */
function fitContext(
  engine: ChatEngine,
  settings: GenerationSettings,
  { textTokens, imageTokens }: { readonly textTokens: number; readonly imageTokens: number },
): { readonly maxNewTokens: number; readonly warnings: readonly Warning[] } {
  const { contextLength } = engine;
  const needed = textTokens + imageTokens;
  const room = contextLength - needed;
  if (room < 1) {
    throw new InvalidPromptError(
      'PROMPT_TOO_LONG',
      `the prompt has ${needed} tokens (${textTokens} of text, ${imageTokens} of images), the context holds ${contextLength}`,
      {
        hint: 'Shorten the text, leave out earlier turns, or use fewer or smaller images.',
        details: { needed, textTokens, imageTokens, limit: contextLength },
      },
    );
  }
  if (settings.maxNewTokens <= room) return { maxNewTokens: settings.maxNewTokens, warnings: [] };
  const message = `at most ${room} new tokens fit the context of ${contextLength}, ${settings.maxNewTokens} were asked for`;
  return {
    maxNewTokens: room,
    warnings: settings.isMaxNewTokensGiven ? [{ code: 'MAX_NEW_TOKENS_REDUCED', message }] : [],
  };
}

function needTokenizer({ tokenizer }: ChatEngine): ChatTokenizer {
  if (tokenizer !== undefined) return tokenizer;
  throw new UnsupportedError('TOKENIZER_MISSING', 'the model directory has no tokenizer, so it cannot chat', {
    hint: 'Use forward or generateFromIds, or add tokenizer.json or tokenizer.model to the directory.',
  });
}

function signalOption(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
