import type { ChatOptions, Message, Warning } from '@pocketlens/runtime';
import type OpenAI from 'openai';
import { imageDataUrl } from './image-url.js';

/**
 * Whose extensions of the protocol may be sent. `openai`: none. `vllm`: beams, length penalty, top-k, repetition penalty,
 * fewest tokens. `llama.cpp`: top-k and repetition penalty.
 */
export type Dialect = 'openai' | 'vllm' | 'llama.cpp';

/** Every dialect, the default first. */
export const DIALECTS: readonly Dialect[] = ['openai', 'vllm', 'llama.cpp'];

/** How a server calls the most tokens of an answer; models of OpenAI that reason accept the second only. */
export type TokenLimitField = 'max_tokens' | 'max_completion_tokens';

/** The body of a request that asks for one answer, without `stream`. */
export type RequestBody = OpenAI.ChatCompletionCreateParamsNonStreaming;

/** A request and what of the options could not be put into it. */
export interface PreparedRequest {
  readonly body: RequestBody;
  readonly warnings: readonly Warning[];
}

/** What a request is made from. */
export interface RequestInput {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly options: ChatOptions;
  readonly dialect: Dialect;
  readonly tokenLimitField: TokenLimitField;
}

type Fields = Readonly<Record<string, unknown>>;
type Extension = 'topK' | 'repetitionPenalty' | 'minNewTokens' | 'beams' | 'lengthPenalty' | 'earlyStopping';

const EXTENSIONS: Readonly<Record<Dialect, Readonly<Partial<Record<Extension, (value: unknown) => Fields>>>>> = {
  openai: {},
  // Source: vLLM, `protocol.py` `ChatCompletionRequest`: with beam search `n` is the number of beams.
  vllm: {
    topK: (value) => ({ top_k: value === 0 ? -1 : value }),
    repetitionPenalty: (value) => ({ repetition_penalty: value }),
    minNewTokens: (value) => ({ min_tokens: value }),
    beams: (value) => ({ use_beam_search: true, n: value }),
    lengthPenalty: (value) => ({ length_penalty: value }),
  },
  // Source: llama.cpp, `tools/server/README.md`.
  'llama.cpp': {
    topK: (value) => ({ top_k: value }),
    repetitionPenalty: (value) => ({ repeat_penalty: value }),
  },
};

/** Values of an extension that ask for nothing. */
const NEUTRAL: Readonly<Record<Extension, unknown>> = {
  topK: 0,
  repetitionPenalty: 1,
  minNewTokens: 0,
  beams: 1,
  lengthPenalty: 1,
  earlyStopping: false,
};

// Source: MiniCPM-V, `modeling_minicpmv.py` `chat` with `sampling=True`; the runtime's `sampling` means the same.
const PUBLISHED_SAMPLING = { temperature: 0.7, topP: 0.8, topK: 100, repetitionPenalty: 1.05 } as const;

/**
 * Puts a conversation and its options into the protocol's words. Text stays text; pictures are sent as `data:` URLs, in
 * their places.
 *
 * @throws {ProviderError} `PROVIDER_IMAGE`
 */
export async function prepareRequest(input: RequestInput): Promise<PreparedRequest> {
  const { options, dialect, model } = input;
  const published = options.sampling === true ? PUBLISHED_SAMPLING : undefined;
  const isSampling =
    options.sampling ?? [options.temperature, options.topP, options.topK].some((value) => value !== undefined);
  const extensions = extensionFields({ ...published, ...defined(options) }, dialect);
  const fields = {
    temperature: isSampling ? (options.temperature ?? published?.temperature ?? 1) : 0,
    top_p: isSampling ? (options.topP ?? published?.topP) : undefined,
    [input.tokenLimitField]: options.maxNewTokens,
    stop: typeof options.stop === 'string' ? [options.stop] : options.stop?.slice(),
    seed: options.seed,
    ...extensions.fields,
  };
  return {
    body: { model, messages: await Promise.all(input.messages.map(messageOf)), ...defined(fields) },
    warnings: extensions.ignored.map((name) => ({
      code: 'OPTION_IGNORED',
      message: `the option ${name} is not part of the protocol of this server (${dialect}) and was not sent`,
    })),
  };
}

function extensionFields(options: ChatOptions, dialect: Dialect): { fields: Fields; ignored: readonly string[] } {
  const fields: Record<string, unknown> = {};
  const ignored: string[] = options.logprobs === undefined ? [] : ['logprobs'];
  for (const [name, neutral] of Object.entries(NEUTRAL)) {
    const value: unknown = Reflect.get(options, name);
    if (value === undefined || value === neutral) continue;
    const write = EXTENSIONS[dialect][name as Extension];
    if (write === undefined) ignored.push(name);
    else Object.assign(fields, write(value));
  }
  return { fields, ignored };
}

async function messageOf({ role, content }: Message): Promise<OpenAI.ChatCompletionMessageParam> {
  if (typeof content === 'string') return { role, content };
  const texts = content.filter((part) => part.type === 'text');
  if (role !== 'user') return { role, content: texts.map(({ text }) => text).join('\n') };
  const parts = content.map(async (part): Promise<OpenAI.ChatCompletionContentPart> => {
    if (part.type === 'text') return part;
    return { type: 'image_url', image_url: { url: await imageDataUrl(part.image) } };
  });
  return { role, content: await Promise.all(parts) };
}

function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
