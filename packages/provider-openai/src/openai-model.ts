import type {
  AnsweringModel,
  ChatOptions,
  ChatPart,
  ChatResult,
  FinishPart,
  Message,
  Timings,
} from '@pocketlens/runtime';
import OpenAI from 'openai';
import { ProviderError } from './errors.js';
import { providerError, timedOut } from './map-error.js';
import { readFinishReason, readReply, readUsage, type Reply } from './reply.js';
import { factsOf, type ModelFacts } from './model-facts.js';
import { type Dialect, prepareRequest, type PreparedRequest, type TokenLimitField } from './request.js';
import { waitFor } from './wait.js';

/** Where a model is, and how it is asked. */
export interface OpenAiModelOptions {
  /** Address of the API, for example `http://127.0.0.1:8000/v1`. Pictures and questions are sent there and nowhere else. */
  readonly baseUrl: string;
  /** Name of the model, as the server calls it. */
  readonly model: string;
  /** Sent as a bearer token; without one no `Authorization` is sent. No environment variable is read. */
  readonly apiKey?: string;
  /** Whose extensions of the protocol may be sent; default `openai`, none. */
  readonly dialect?: Dialect;
  /** Default `max_tokens`. */
  readonly tokenLimitField?: TokenLimitField;
  /** Longest wait for an answer, or for its next part; default ten minutes. */
  readonly timeoutMs?: number;
  /** Most repetitions of a request that failed for a passing reason, with growing pauses; default 4. */
  readonly maxRetries?: number;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_RETRIES = 4;

/** A model behind a server that speaks OpenAI's protocol: vLLM, llama.cpp, Ollama and others. */
export class OpenAiModel implements AnsweringModel {
  /** Name of the model, as the server calls it. */
  readonly name: string;
  /** Host and port that everything is sent to. */
  readonly host: string;
  readonly #client: OpenAI;
  readonly #options: OpenAiModelOptions;

  /** @throws {ProviderError} `PROVIDER_URL` */
  constructor(options: OpenAiModelOptions) {
    const url = parseBaseUrl(options.baseUrl);
    this.name = options.model;
    this.host = url.host;
    this.#options = options;
    this.#client = new OpenAI({
      baseURL: url.href,
      // The client would read these from the environment, where they belong to another server.
      apiKey: options.apiKey ?? 'none',
      adminAPIKey: null,
      organization: null,
      project: null,
      logLevel: 'off',
      dangerouslyAllowBrowser: true,
      maxRetries: options.maxRetries ?? DEFAULT_RETRIES,
      timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      defaultHeaders: { ...(options.apiKey === undefined ? { Authorization: null } : {}), ...options.headers },
      // A redirect could carry the pictures to a host that nobody named.
      fetchOptions: { redirect: 'manual' },
    });
  }

  /**
   * Answers a conversation, streamed: text parts, then one `finish` part. Leaving the loop stops the request.
   *
   * `usage` and `timings` hold what a client can know: see the package's page.
   *
   * @throws {ProviderError} with a code that says what failed, and whether to try again
   * @throws {AbortError} `ABORTED`
   */
  async *chat(messages: readonly Message[], options: ChatOptions = {}): AsyncGenerator<ChatPart, void, undefined> {
    const started = performance.now();
    const request = await this.#guarded(this.#prepare(messages, options), options.signal);
    // Beam search knows its answer only at the end, and vLLM refuses to stream it.
    if ('use_beam_search' in request.body) {
      const { reply, timings } = await this.#complete(request, started, options.signal);
      yield { type: 'text-delta', text: reply.text, tokenIds: [] };
      yield finishPart(reply, timings, request);
      return;
    }
    yield* this.#stream(request, started, options.signal);
  }

  /** As `chat`, but as one request and one answer; white space at its ends is removed. */
  async generate(messages: readonly Message[], options: ChatOptions = {}): Promise<ChatResult> {
    const started = performance.now();
    const request = await this.#guarded(this.#prepare(messages, options), options.signal);
    const { reply, timings } = await this.#complete(request, started, options.signal);
    return { ...reply, tokenIds: [], timings, warnings: request.warnings };
  }

  /** Names of the models that the server offers. */
  async listModels(options: { readonly signal?: AbortSignal } = {}): Promise<string[]> {
    const page = await this.#guarded(this.#client.models.list(options), options.signal);
    return page.data.map(({ id }) => id);
  }

  /**
   * What the server says of its model: plain values of its entry in the list of models, as `root` and `max_model_len` of vLLM or
   * `meta.n_params` of llama.cpp. Empty where it says nothing. Not its date, which some servers set to now.
   */
  async describe(options: { readonly signal?: AbortSignal } = {}): Promise<ModelFacts> {
    const page = await this.#guarded(this.#client.models.list(options), options.signal);
    const entry = page.data.find(({ id }) => id === this.name);
    return entry === undefined ? {} : factsOf(entry);
  }

  /** Nothing is held: for the sake of those who take any model. */
  dispose(): Promise<void> {
    return Promise.resolve();
  }

  #prepare(messages: readonly Message[], options: ChatOptions): Promise<PreparedRequest> {
    const { model, dialect = 'openai', tokenLimitField = 'max_tokens' } = this.#options;
    return prepareRequest({ model, messages, options, dialect, tokenLimitField });
  }

  async #complete(
    { body }: PreparedRequest,
    started: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly reply: Reply; readonly timings: Timings }> {
    const asked = performance.now();
    const ending = new AbortController();
    try {
      const request = this.#client.chat.completions.create(body, { signal: eitherOf(signal, ending.signal) });
      const response = await this.#guarded(request.asResponse(), signal);
      const reply = readReply(await this.#inTime(response.text(), signal), this.host);
      const now = performance.now();
      // Nothing is known of the time between the first token and the last.
      return { reply, timings: timingsOf({ started, asked, firstToken: now, ended: now, tokens: 0 }) };
    } finally {
      ending.abort();
    }
  }

  async *#stream(
    request: PreparedRequest,
    started: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ChatPart, void, undefined> {
    const asked = performance.now();
    const stream = await this.#guarded(
      this.#client.chat.completions.create(
        { ...request.body, stream: true, stream_options: { include_usage: true } },
        signal === undefined ? {} : { signal },
      ),
      signal,
    );
    const chunks = stream[Symbol.asyncIterator]();
    let firstToken: number | undefined;
    let finishReason: string | undefined;
    let usage: OpenAI.CompletionUsage | undefined;
    try {
      for (;;) {
        const next = await this.#inTime(chunks.next(), signal);
        if (next.done === true) break;
        usage = next.value.usage ?? usage;
        const [choice] = next.value.choices ?? [];
        finishReason = choice?.finish_reason ?? finishReason;
        const text = choice?.delta?.content ?? choice?.delta?.refusal ?? '';
        if (text === '') continue;
        firstToken ??= performance.now();
        yield { type: 'text-delta', text, tokenIds: [] };
      }
    } finally {
      stream.controller.abort();
    }
    if (finishReason === undefined) throw brokenOff(this.host);
    const counts = readUsage(usage);
    const ended = performance.now();
    const timings = timingsOf({
      started,
      asked,
      firstToken: firstToken ?? ended,
      ended,
      tokens: counts.completionTokens,
    });
    const reply = { text: '', finishReason: readFinishReason(finishReason, this.host), usage: counts };
    yield finishPart(reply, timings, request);
  }

  /** The client bounds each attempt by itself; here the signal ends its pauses too. */
  #guarded<T>(work: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#wait(work, signal, 2 ** 31 - 1);
  }

  #inTime<T>(work: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#wait(work, signal, this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  }

  async #wait<T>(work: PromiseLike<T>, signal: AbortSignal | undefined, timeoutMs: number): Promise<T> {
    try {
      return await waitFor(work, { timeoutMs, signal, onTimeout: () => timedOut(this.host) });
    } catch (error) {
      throw providerError(error, { host: this.host, model: this.name }, signal);
    }
  }
}

function eitherOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

function finishPart({ finishReason, usage }: Reply, timings: Timings, { warnings }: PreparedRequest): FinishPart {
  return { type: 'finish', finishReason, usage, timings, warnings };
}

interface Moments {
  readonly started: number;
  readonly asked: number;
  readonly firstToken: number;
  readonly ended: number;
  /** Of the answer; NaN where unknown. */
  readonly tokens: number;
}

function timingsOf({ started, asked, firstToken, ended, tokens }: Moments): Timings {
  const decodeMs = ended - firstToken;
  return {
    loadMs: 0,
    preprocessMs: asked - started,
    encodeMs: 0,
    prefillMs: firstToken - asked,
    decodeMs,
    firstTokenMs: firstToken - started,
    tokensPerSecond: tokens > 1 && decodeMs > 0 ? ((tokens - 1) / decodeMs) * 1000 : 0,
  };
}

function brokenOff(host: string): ProviderError {
  return new ProviderError('PROVIDER_REPLY', `The answer of ${host} broke off before its end.`, { isRetryable: true });
}

function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new ProviderError('PROVIDER_URL', `Expected an http: or https: address, got ${JSON.stringify(text)}.`, {
    hint: 'For example http://127.0.0.1:8000/v1.',
  });
}
