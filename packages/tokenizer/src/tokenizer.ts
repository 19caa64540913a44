import { type ChatMessage, trimContent } from './llama3-chat.js';
import { InvalidArgumentError, TokenizerError } from './errors.js';
import { IdList } from './id-list.js';
import { END_HEADER, END_OF_TURN, START_HEADER } from './llama3-special-tokens.js';
import { nextTask } from './next-task.js';
import { type TokenizerSource, readDefinition } from './read-definition.js';
import { SpecialAwareEncoder } from './special-aware-encoder.js';
import type { SpecialTokenPolicy } from './special-tokens.js';
import { type TokenOffset, locateTokens, unitsWithin } from './token-offsets.js';
import { TokenStream } from './token-stream.js';
import { type TokenizerLoadOptions, type TokenizerParts, buildParts } from './tokenizer-parts.js';

/** How to read special tokens in text. */
export interface SpecialTokenOptions {
  /** Default `text`: no text becomes a special token. */
  readonly special?: SpecialTokenPolicy;
}

/** How to encode text. */
export interface EncodeOptions extends SpecialTokenOptions {
  /** Whether the begin-of-text token comes first. Default false. */
  readonly bos?: boolean;
}

/** How to encode text without holding everything else up. */
export interface EncodeAsyncOptions extends EncodeOptions {
  /** Stops the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The ids of many texts, one after another. */
export interface TokenBatch {
  /** All ids. */
  readonly ids: Uint32Array;
  /**
   * Where each text begins in `ids`, and at the end the length of all: of length texts + 1. The ids of text `i` are
   * `ids.subarray(offsets[i], offsets[i + 1])`.
   */
  readonly offsets: Uint32Array;
}

/** How to decode ids. */
export interface DecodeOptions {
  /** Whether control tokens are left out. Default false: they appear by name. */
  readonly skipSpecial?: boolean;
}

/** How to encode a conversation. */
export interface EncodeChatOptions extends SpecialTokenOptions {
  /** Whether the header of the assistant's next turn comes last. Default true, as in the first Llama 3 release. */
  readonly addGenerationPrompt?: boolean;
}

/**
 * Byte-level BPE tokenizer with Llama 3's split and a vocabulary of one's own: text to ids and back. `Llama3Tokenizer`
 * is the same with Llama 3's vocabulary at hand.
 */
export class Tokenizer {
  /** Special tokens by name. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Id of the begin-of-text token, when there is one. */
  readonly bosId: number | undefined;
  /** Id of the end-of-text token, when there is one. Chat models also stop at `<|eot_id|>`. */
  readonly eosId: number | undefined;
  /** One more than the highest id. */
  readonly vocabSize: number;
  private readonly parts: TokenizerParts;
  private readonly encoder: SpecialAwareEncoder;

  protected constructor(parts: TokenizerParts) {
    this.parts = parts;
    this.encoder = new SpecialAwareEncoder(parts.encoder, parts.specials);
    this.specialTokens = parts.specials.byName;
    this.bosId = parts.bosId;
    this.eosId = parts.eosId;
    this.vocabSize = parts.table.size;
  }

  /**
   * Loads a tokenizer from its file.
   *
   * A rank file (`tokenizer.model`) says nothing about special tokens: pass them in `options.specialTokens`. One with
   * Llama 3's 128,000 tokens has Llama 3's 256 special tokens already.
   *
   * @param source - contents of a `tokenizer.json` or `tokenizer.model`, as bytes, text or parsed object
   * @throws {TokenizerError} `TOKENIZER_FORMAT` when the source is damaged or of another kind of tokenizer
   */
  // Asynchronous like the tokenizer that brings its vocabulary: errors arrive in one way.
  // oxlint-disable-next-line require-await
  static async load(source: TokenizerSource, options: TokenizerLoadOptions = {}): Promise<Tokenizer> {
    return new Tokenizer(buildParts(readDefinition(source), options));
  }

  /**
   * The ids of a text. Lone surrogates are read as U+FFFD.
   *
   * @throws {TokenizerError} `SPECIAL_TOKEN_IN_TEXT` under `special: 'error'`; `SPECIAL_TOKEN_UNKNOWN` for a name in
   *   `special` that no token has, or under `bos` without a begin-of-text token
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    return this.listOf(text, options).toArray();
  }

  /**
   * The ids of many texts in one array, each as `encode` gives them.
   *
   * @throws {TokenizerError} as `encode`
   */
  encodeBatch(texts: readonly string[], options: EncodeOptions = {}): TokenBatch {
    const ids = new IdList();
    const offsets = new Uint32Array(texts.length + 1);
    for (const [index, text] of texts.entries()) {
      this.append(text, options, ids);
      offsets[index + 1] = ids.length;
    }
    return { ids: ids.toUint32Array(), offsets };
  }

  /**
   * The same ids as `encode`, made in steps of some milliseconds; between them everything else runs. For large texts in
   * programs that must stay responsive.
   *
   * @throws {TokenizerError} as `encode`
   * @throws the reason of `options.signal` when it fires
   */
  async encodeAsync(text: string, options: EncodeAsyncOptions = {}): Promise<number[]> {
    const { signal } = options;
    signal?.throwIfAborted();
    const ids = new IdList();
    if (options.bos === true) ids.push(this.requireBos());
    const steps = this.encoder.appendInSteps(requireText(text), options.special ?? 'text', ids);
    while (steps.next().done !== true) {
      await nextTask();
      signal?.throwIfAborted();
    }
    return ids.toArray();
  }

  /** The number of ids that `encode` gives. */
  count(text: string, options: EncodeOptions = {}): number {
    return this.listOf(text, options).length;
  }

  /**
   * The text of ids. Bytes that are no UTF-8 become U+FFFD.
   *
   * @throws {TokenizerError} `TOKEN_ID_RANGE` for an id without a token
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const skips = this.skipper(options);
    const bytes = this.parts.table.join(ids, (id) => !skips(id));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  }

  /** A decoder for ids that come one at a time; it never emits half a character. */
  stream(options: DecodeOptions = {}): TokenStream {
    return new TokenStream(this.parts.table, this.skipper(options));
  }

  /**
   * The ids of a conversation in Llama 3's chat format. Roles and contents are read as ordinary text, so nothing in
   * them becomes a control token; contents are trimmed. For other formats see `@pocketlens/tokenizer/chat-template`.
   *
   * @source meta-llama/Meta-Llama-3-8B-Instruct, `tokenizer_config.json`, `chat_template`
   */
  encodeChat(messages: readonly ChatMessage[], options: EncodeChatOptions = {}): number[] {
    const ids = this.encoder.emptyList();
    ids.push(this.requireBos());
    for (const { role, content } of messages) {
      this.appendHeader(role, `\n\n${trimContent(requireText(content))}`, options, ids);
      ids.push(this.idOf(END_OF_TURN));
    }
    if (options.addGenerationPrompt !== false) this.appendHeader('assistant', '\n\n', options, ids);
    return ids.toArray();
  }

  /** The ids of a text with the place of each in it. Tokens of one character share its place. */
  offsets(text: string, options: SpecialTokenOptions = {}): TokenOffset[] {
    return locateTokens(text, this.listOf(text, { special: options.special ?? 'text' }).toArray(), this.parts.table);
  }

  /**
   * A prefix of the text, of whole characters, that encodes to at most `maxTokens` ids: what the first `maxTokens` ids
   * of the text cover, or a little less where the cut changes how its end is encoded.
   *
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when `maxTokens` is negative or not a number
   */
  truncate(text: string, maxTokens: number, options: SpecialTokenOptions = {}): string {
    if (!(maxTokens >= 0)) {
      throw new InvalidArgumentError('ARGUMENT_RANGE', `expected maxTokens of 0 or more, got ${String(maxTokens)}`);
    }
    const limit = Math.floor(maxTokens);
    const list = this.encoder.emptyList();
    this.append(text, { special: options.special ?? 'text' }, list, limit + 1);
    if (list.length <= limit) return text;
    const ids = list.toArray();
    for (let kept = limit; kept > 0;) {
      const prefix = text.slice(0, unitsWithin(text, this.byteLength(ids, kept)));
      const count = this.count(prefix, options);
      if (count <= limit) return prefix;
      kept -= count - limit;
    }
    return '';
  }

  /**
   * The id of a special token.
   *
   * @throws {TokenizerError} `SPECIAL_TOKEN_UNKNOWN` when no special token has this name
   */
  idOf(specialToken: string): number {
    return this.parts.specials.idOf(specialToken);
  }

  /** The ids of a text in a list that is valid until the next text is encoded. */
  private listOf(text: string, options: EncodeOptions): IdList {
    const ids = this.encoder.emptyList();
    this.append(text, options, ids);
    return ids;
  }

  private append(text: string, { bos, special = 'text' }: EncodeOptions, ids: IdList, maxIds?: number): void {
    if (bos === true) ids.push(this.requireBos());
    this.encoder.append(requireText(text), special, ids, maxIds);
  }

  private appendHeader(role: string, body: string, { special }: EncodeChatOptions, ids: IdList): void {
    const options = { special: special ?? 'text' };
    ids.push(this.idOf(START_HEADER));
    this.append(role, options, ids);
    ids.push(this.idOf(END_HEADER));
    this.append(body, options, ids);
  }

  private byteLength(ids: readonly number[], count: number): number {
    let length = 0;
    for (let i = 0; i < count; i++) length += this.parts.table.byteLength(ids[i]!);
    return length;
  }

  private skipper({ skipSpecial = false }: DecodeOptions): (id: number) => boolean {
    const { specials } = this.parts;
    return skipSpecial ? (id) => specials.isControl(id) : () => false;
  }

  private requireBos(): number {
    if (this.bosId !== undefined) return this.bosId;
    throw new TokenizerError('SPECIAL_TOKEN_UNKNOWN', 'expected a begin-of-text token, but this tokenizer has none', {
      hint: 'Pass specialTokens when the tokenizer is loaded.',
    });
  }
}

function requireText(text: unknown): string {
  if (typeof text === 'string') return text;
  throw new InvalidArgumentError('ARGUMENT_TYPE', `expected text, got ${text === null ? 'null' : typeof text}`);
}
