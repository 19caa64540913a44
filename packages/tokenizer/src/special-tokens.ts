import { TokenizerError } from './errors.js';

/** A special token as it is registered with a tokenizer. */
export interface SpecialToken {
  readonly id: number;
  readonly content: string;
  /** False for added tokens that are no control tokens: `skipSpecial` keeps them. */
  readonly isControl: boolean;
}

/**
 * What happens to special tokens spelled out in a text: `text` reads them as ordinary text (safe for text from
 * outside), `allow` makes every one its id, names make only those their ids, `error` refuses the text.
 */
export type SpecialTokenPolicy = 'text' | 'allow' | 'error' | ReadonlySet<string> | readonly string[];

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  /** Id of the token that ends here, or -1. */
  id: number;
}

/** Where a special token stands in a text, in UTF-16 units. */
export interface SpecialMatch {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

/** Finds special tokens in text: leftmost first, and the longest of those that start together. */
export class SpecialTokenMatcher {
  private readonly root: TrieNode = { children: new Map(), id: -1 };

  constructor(tokens: Iterable<readonly [content: string, id: number]>) {
    for (const [content, id] of tokens) {
      let node = this.root;
      for (let i = 0; i < content.length; i++) {
        const unit = content.charCodeAt(i);
        let child = node.children.get(unit);
        if (child === undefined) node.children.set(unit, (child = { children: new Map(), id: -1 }));
        node = child;
      }
      node.id = id;
    }
  }

  /** The first special token at or after `from`. */
  find(text: string, from: number): SpecialMatch | undefined {
    const first = this.root.children;
    for (let start = from; start < text.length; start++) {
      if (!first.has(text.charCodeAt(start))) continue;
      const match = this.longestAt(text, start);
      if (match !== undefined) return match;
    }
    return undefined;
  }

  private longestAt(text: string, start: number): SpecialMatch | undefined {
    let found: SpecialMatch | undefined;
    let node = this.root;
    for (let end = start; end < text.length;) {
      const child = node.children.get(text.charCodeAt(end));
      if (child === undefined) break;
      node = child;
      end++;
      if (node.id >= 0) found = { start, end, id: node.id };
    }
    return found;
  }
}

/** The special tokens of a tokenizer, by name and by id. */
export class SpecialTokens {
  readonly byName: ReadonlyMap<string, number>;
  private readonly controlIds: ReadonlySet<number>;
  private readonly all: SpecialTokenMatcher;
  /** All but those that ordinary text makes as well, such as a pad token `!`. */
  private readonly reserved: SpecialTokenMatcher;

  constructor(tokens: readonly SpecialToken[], isOrdinary: (token: SpecialToken) => boolean) {
    this.byName = new Map(tokens.map(({ content, id }) => [content, id]));
    this.controlIds = new Set(tokens.filter(({ isControl }) => isControl).map(({ id }) => id));
    this.all = new SpecialTokenMatcher(this.byName);
    this.reserved = new SpecialTokenMatcher(
      tokens.filter((token) => !isOrdinary(token)).map(({ content, id }) => [content, id]),
    );
  }

  isControl(id: number): boolean {
    return this.controlIds.has(id);
  }

  /**
   * What to look for in a text under a policy, or nothing.
   *
   * @throws {TokenizerError} `SPECIAL_TOKEN_UNKNOWN` for a name that no special token has, `SPECIAL_TOKEN_IN_TEXT` when
   *   the policy is `error` and the text holds one
   */
  matcherFor(policy: SpecialTokenPolicy, text: string): SpecialTokenMatcher | undefined {
    if (policy === 'text') return undefined;
    if (policy === 'allow') return this.all;
    if (policy === 'error') {
      this.refuse(text);
      return undefined;
    }
    return new SpecialTokenMatcher(Array.from(policy, (name) => [name, this.idOf(name)] as const));
  }

  /** @throws {TokenizerError} `SPECIAL_TOKEN_UNKNOWN` when no special token has this name */
  idOf(name: string): number {
    const id = this.byName.get(name);
    if (id !== undefined) return id;
    throw new TokenizerError(
      'SPECIAL_TOKEN_UNKNOWN',
      `expected the name of a special token, got ${JSON.stringify(name)}`,
      {
        hint: 'The names are the keys of `specialTokens`; pass further ones when the tokenizer is loaded.',
        details: { name },
      },
    );
  }

  private refuse(text: string): void {
    const match = this.reserved.find(text, 0);
    if (match === undefined) return;
    const name = text.slice(match.start, match.end);
    throw new TokenizerError(
      'SPECIAL_TOKEN_IN_TEXT',
      `expected text without special tokens, got ${JSON.stringify(name)} at index ${match.start}`,
      {
        hint: "Use special: 'text' to read it as ordinary text, or 'allow' to make it a control token.",
        details: { name, index: match.start },
      },
    );
  }
}
