import { throwIfAborted } from '@pocketlens/backend';
import { InvalidPromptError, UnsupportedError } from '../errors.js';
import { unitsLength } from '../generation/cached-sequence.js';
import type { CachedSequence, PromptUnit } from '../generation/cached-sequence.js';
import { generateTokens } from '../generation/generate-tokens.js';
import type { DraftCounts } from '../generation/generate-tokens.js';
import { resolveGenerationOptions } from '../generation/options.js';
import { buildPrompt } from '../prompt/build-prompt.js';
import { checkMessages, imageParts } from '../prompt/messages.js';
import type { Message } from '../prompt/messages.js';
import type { Prompt } from '../prompt/prompt-writer.js';
import type { ChatEngine, ChatTokenizer } from './engine.js';
import { fitContext } from './fit-context.js';
import type { ImageStore, SliceFeatures } from './image-store.js';
import { Stopwatch } from './stopwatch.js';
import { streamAnswer } from './stream-answer.js';
import type { ChatOptions, ChatPart, Usage } from './types.js';

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
  const { maxNewTokens, warnings } = fitContext(engine.contextLength, settings, {
    textTokens: prompt.textTokens,
    imageTokens,
  });
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
  const { stopIds } = engine;
  const tokens = generateTokens({ sequence, logits, settings, maxNewTokens, stopIds, signal, counts });
  const decoder = tokenizer.stream();
  const { finishReason, completionTokens } = yield* streamAnswer({
    tokens,
    decoder,
    texts: tokenizer,
    stop: settings.stop,
    watch,
  });
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

function needTokenizer({ tokenizer }: ChatEngine): ChatTokenizer {
  if (tokenizer !== undefined) return tokenizer;
  throw new UnsupportedError('TOKENIZER_MISSING', 'the model directory has no tokenizer, so it cannot chat', {
    hint: 'Use forward or generateFromIds, or add tokenizer.json or tokenizer.model to the directory.',
  });
}

function signalOption(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
