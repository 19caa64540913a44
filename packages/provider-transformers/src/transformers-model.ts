import path from 'node:path';
import {
  AbortError,
  BackendError,
  DisposedError,
  type Dtype,
  isPocketlensError,
  throwIfAborted,
} from '@pocketlens/backend';
import type { AnsweringModel, ChatOptions, ChatPart, ChatResult, Message, Usage } from '@pocketlens/runtime';
import {
  checkMessages,
  collectChat,
  fitContext,
  imageParts,
  resolveGenerationOptions,
  Stopwatch,
  streamAnswer,
} from '@pocketlens/runtime/provider';
import { DecodeStream } from './decode-stream.js';
import { generateTokens } from './generate-tokens.js';
import { ignoredOptions } from './ignored-options.js';
import { type LoadedModel, loadModel } from './load-model.js';
import { locateCheckpoint } from './locate-checkpoint.js';
import { countTokens } from './model-facts.js';
import { readImages } from './read-images.js';

/** How a checkpoint is opened. */
export interface OpenTransformersOptions {
  /** Storage type of the weights; default: the most exact one that there is, graph by graph. */
  readonly dtype?: Dtype;
  /** Processor threads; default: ONNX Runtime's choice. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** A vision-language model that transformers.js runs: SmolVLM, Qwen-VL, LLaVA, Gemma 3 and others. */
export class TransformersModel implements AnsweringModel {
  /** Last part of the folder's path, or the name by which it was opened. */
  readonly name: string;
  /** Time that opening took, in milliseconds. */
  readonly loadMs: number;
  readonly #loaded: LoadedModel;
  readonly #runs: Set<Promise<void>> = new Set();
  #disposal: Promise<void> | undefined;

  private constructor(name: string, loaded: LoadedModel, loadMs: number) {
    this.name = name;
    this.#loaded = loaded;
    this.loadMs = loadMs;
  }

  /**
   * Opens a folder in the layout of transformers.js, or `org/name` from the Hugging Face cache. Nothing is downloaded.
   *
   * @throws {ModelNotFoundError} `MODEL_UNKNOWN`
   * @throws {ModelFormatError} for missing, foreign or damaged files
   * @throws {UnsupportedError} `UNSUPPORTED` for a kind of model that this cannot ask
   * @throws {BackendError} `BACKEND_MISSING`
   * @throws {AbortError} `ABORTED`
   */
  static async open(directoryOrName: string, options: OpenTransformersOptions = {}): Promise<TransformersModel> {
    const { dtype, threads, signal } = options;
    const started = performance.now();
    throwIfAborted(signal);
    const checkpoint = await locateCheckpoint(directoryOrName);
    const loaded = await loadModel(checkpoint, { dtype, threads });
    if (signal?.aborted === true) {
      await loaded.model.dispose();
      throw new AbortError(signal);
    }
    const name = checkpoint.isCached ? directoryOrName : path.basename(checkpoint.directory);
    return new TransformersModel(name, loaded, performance.now() - started);
  }

  /** Most positions of a conversation, answer included. */
  get contextLength(): number {
    return this.#loaded.facts.contextLength;
  }

  /**
   * Answers a conversation, streamed: text parts, then one `finish` part. Leaving the loop ends the work after the token
   * that is being computed, and so does the signal.
   *
   * @throws {InvalidPromptError} `PROMPT_EMPTY`, `PROMPT_ROLE_ORDER`, `PROMPT_CONTENT`, `PROMPT_TOO_LONG`, `PROMPT_IMAGE_COUNT`
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for an option
   * @throws {InvalidImageError} for a picture that cannot be read
   * @throws {BackendError} `BACKEND_FAILED` when the library fails; its error is the cause
   * @throws {AbortError} `ABORTED`
   * @throws {DisposedError} `DISPOSED`
   */
  async *chat(messages: readonly Message[], options: ChatOptions = {}): AsyncGenerator<ChatPart, void, undefined> {
    try {
      yield* this.#answer(messages, options);
    } catch (error) {
      throw failure(error);
    }
  }

  /** As `chat`, but waits for the whole answer. */
  generate(messages: readonly Message[], options: ChatOptions = {}): Promise<ChatResult> {
    return collectChat(this.chat(messages, options));
  }

  /** Ends running answers with `DisposedError`, then frees the weights. A second call does nothing. */
  dispose(): Promise<void> {
    this.#disposal ??= this.#free();
    return this.#disposal;
  }

  async #free(): Promise<void> {
    await Promise.all(this.#runs);
    await this.#loaded.model.dispose();
  }

  async *#answer(messages: readonly Message[], options: ChatOptions): AsyncGenerator<ChatPart, void, undefined> {
    const { library, model, prompts, facts } = this.#loaded;
    const watch = new Stopwatch(this.loadMs);
    const { signal } = options;
    this.#check(signal);
    const settings = resolveGenerationOptions({ ...options, beams: 1 });
    checkMessages(messages);
    const { images, warnings } = await readImages(imageParts(messages), options, library);
    const inputs = await prompts.read(messages, images, facts.imageTokenId);
    const promptTokens = inputs.input_ids.dims.at(-1)!;
    const imageTokens = countTokens(inputs.input_ids, facts.imageTokenId);
    const fit = fitContext(facts.contextLength, settings, { textTokens: promptTokens - imageTokens, imageTokens });
    watch.mark('preprocessMs');
    this.#check(signal);
    const { maxNewTokens } = fit;
    const tokens = generateTokens({
      library,
      model,
      inputs,
      settings,
      maxNewTokens,
      stopIds: facts.stopIds,
      check: () => this.#check(signal),
      onStart: (run) => this.#track(run),
    });
    const { finishReason, completionTokens } = yield* streamAnswer({
      tokens,
      decoder: new DecodeStream(prompts.tokenizer),
      texts: { text: (id) => prompts.tokenizer.decode([id]) },
      stop: settings.stop,
      watch,
    });
    const usage: Usage = { promptTokens, imageTokens, completionTokens };
    yield {
      type: 'finish',
      finishReason,
      usage,
      timings: watch.timings(completionTokens),
      warnings: [...warnings, ...fit.warnings, ...ignoredOptions(options)],
    };
  }

  #track(run: Promise<void>): void {
    this.#runs.add(run);
    void run.finally(() => this.#runs.delete(run));
  }

  #check(signal: AbortSignal | undefined): void {
    throwIfAborted(signal);
    if (this.#disposal !== undefined) throw new DisposedError(`the model ${this.name}`);
  }
}

/** What the library throws has no code. */
function failure(error: unknown): unknown {
  if (isPocketlensError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new BackendError('BACKEND_FAILED', `transformers.js could not answer: ${reason}`, { cause: error });
}
