import { type ChatMessage, trimContent } from './chat-template.js';
import { InvalidArgumentError, TokenizerError } from './errors.js';
import { END_HEADER, END_OF_TURN, START_HEADER } from './llama3-special-tokens.js';
import { type TokenizerSource, loadDefinition } from './load-definition.js';
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

/** Byte-level BPE tokenizer of Llama 3 and of models with its split: text to ids and back. */
export class Llama3Tokenizer {
  /** Special tokens by name. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Id of the begin-of-text token, when there is one. */
  readonly bosId: number | undefined;
  /** Id of the end-of-text token, when there is one. Chat models also stop at `<|eot_id|>`. */
  readonly eosId: number | undefined;
  /** One more than the highest id. */
  readonly vocabSize: number;
  private readonly parts: TokenizerParts;

  private constructor(parts: TokenizerParts) {
    this.parts = parts;
    this.specialTokens = parts.specials.byName;
    this.bosId = parts.bosId;
    this.eosId = parts.eosId;
    this.vocabSize = parts.table.size;
  }

  /**
   * Loads a tokenizer; without a source, the shipped Llama 3 vocabulary.
   *
   * A rank file (`tokenizer.model`) says nothing about special tokens: pass them in `options.specialTokens`. One with
   * Llama 3's 128,000 tokens has Llama 3's 256 special tokens already.
   *
   * @param source - contents of a `tokenizer.json` or `tokenizer.model`, as bytes, text or parsed object
   * @throws {TokenizerError} `TOKENIZER_FORMAT` when the source is damaged or of another kind of tokenizer
   */
  static async load(source?: TokenizerSource, options: TokenizerLoadOptions = {}): Promise<Llama3Tokenizer> {
    return new Llama3Tokenizer(buildParts(await loadDefinition(source), options));
  }

  /**
   * The ids of a text. Lone surrogates are read as U+FFFD.
   *
   * @throws {TokenizerError} `SPECIAL_TOKEN_IN_TEXT` under `special: 'error'`; `SPECIAL_TOKEN_UNKNOWN` for a name in
   *   `special` that no token has, or under `bos` without a begin-of-text token
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids = options.bos === true ? [this.requireBos()] : [];
    this.append(text, options.special, ids);
    return ids;
  }

  /** The number of ids that `encode` gives. */
  count(text: string, options: EncodeOptions = {}): number {
    return this.encode(text, options).length;
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
   * them becomes a control token; contents are trimmed.
   *
   * @source meta-llama/Meta-Llama-3-8B-Instruct, `tokenizer_config.json`, `chat_template`
   */
  encodeChat(messages: readonly ChatMessage[], options: EncodeChatOptions = {}): number[] {
    const ids = [this.requireBos()];
    for (const { role, content } of messages) {
      this.appendHeader(role, `\n\n${trimContent(requireText(content))}`, options.special, ids);
      ids.push(this.idOf(END_OF_TURN));
    }
    if (options.addGenerationPrompt !== false) this.appendHeader('assistant', '\n\n', options.special, ids);
    return ids;
  }

  /** The ids of a text with the place of each in it. Tokens of one character share its place. */
  offsets(text: string, options: SpecialTokenOptions = {}): TokenOffset[] {
    return locateTokens(text, this.encode(text, { special: options.special ?? 'text' }), this.parts.table);
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
    const ids: number[] = [];
    this.append(text, options.special, ids, limit + 1);
    if (ids.length <= limit) return text;
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

  /** Appends ids of `text`; stops soon after `ids` has `limit` of them. */
  private append(text: string, special: SpecialTokenPolicy = 'text', ids: number[], limit: number = Infinity): void {
    const { encoder, specials } = this.parts;
    const matcher = specials.matcherFor(special, requireText(text));
    let from = 0;
    for (let match = matcher?.find(text, 0); match !== undefined; match = matcher?.find(text, from)) {
      encoder.encode(text, from, match.start, ids, limit);
      if (ids.length >= limit) return;
      ids.push(match.id);
      from = match.end;
    }
    encoder.encode(text, from, text.length, ids, limit);
  }

  private appendHeader(role: string, body: string, special: SpecialTokenPolicy | undefined, ids: number[]): void {
    ids.push(this.idOf(START_HEADER));
    this.append(role, special, ids);
    ids.push(this.idOf(END_HEADER));
    this.append(body, special, ids);
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
      hint: 'Pass specialTokens to Llama3Tokenizer.load.',
    });
  }
}

function requireText(text: unknown): string {
  if (typeof text === 'string') return text;
  throw new InvalidArgumentError('ARGUMENT_TYPE', `expected text, got ${text === null ? 'null' : typeof text}`);
}
