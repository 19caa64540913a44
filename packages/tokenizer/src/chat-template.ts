import type { Template } from '@huggingface/jinja';
import { TokenizerError } from './errors.js';
import { withPythonWhiteSpace } from './python-white-space.js';
import { protectSpecialTokens } from './special-token-guard.js';
import type { Tokenizer } from './tokenizer.js';
import type { TokenName } from './tokenizer-config.js';

/** A template on its own, or a parsed `tokenizer_config.json`, as far as it is read here. */
export type ChatTemplateSource = string | ChatTemplateConfig;

/** The parts of a `tokenizer_config.json` that a chat template needs. */
export interface ChatTemplateConfig {
  /** One template, or several by name. */
  readonly chat_template?: string | readonly { readonly name: string; readonly template: string }[] | null;
  readonly bos_token?: TokenName;
  readonly eos_token?: TokenName;
  readonly unk_token?: TokenName;
  readonly pad_token?: TokenName;
}

/** A message as the template expects it: usually `role` and `content`, often `tool_calls` and others. */
export type TemplateMessage = Readonly<Record<string, unknown>>;

/** What a template is rendered with. */
export interface RenderOptions {
  /** Whether the header of the assistant's next turn comes last, where the template asks. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of functions, as JSON schemas. With them the template named `tool_use` is taken, if there is one. */
  readonly tools?: readonly unknown[];
  readonly documents?: readonly unknown[];
  /** Further variables of the template, such as `bos_token` or `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** How to render and encode a conversation. */
export interface TemplateEncodeOptions extends RenderOptions {
  /** `text`, the default: nothing in messages, tools and documents becomes a special token. `allow`: it may. */
  readonly special?: 'text' | 'allow';
}

interface NamedTemplate {
  readonly text: string;
  readonly template: Template;
}

const SPECIAL_TOKEN_VARIABLES = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const;
const PACKAGE = '@huggingface/jinja';

/** Any model's chat format, written as a Jinja template. Needs the package `@huggingface/jinja`. */
export class ChatTemplate {
  /** By name; the unnamed one is `default`. */
  private readonly templates: ReadonlyMap<string, NamedTemplate>;
  private readonly variables: Readonly<Record<string, unknown>>;

  private constructor(templates: ReadonlyMap<string, NamedTemplate>, variables: Readonly<Record<string, unknown>>) {
    this.templates = templates;
    this.variables = variables;
  }

  /**
   * @param source - the text of a template, or a parsed `tokenizer_config.json`, which also names the special tokens
   * @throws {TokenizerError} `CHAT_TEMPLATE` when there is no template or it is no Jinja; `JINJA_MISSING` when
   *   `@huggingface/jinja` is not installed
   */
  static async load(source: ChatTemplateSource): Promise<ChatTemplate> {
    const texts = templateTexts(source);
    const { Template } = await loadJinja();
    const templates = new Map<string, NamedTemplate>();
    for (const [name, text] of texts) {
      const expected = `expected a Jinja template for ${JSON.stringify(name)}`;
      templates.set(name, { text, template: guarded(expected, () => new Template(text)) });
    }
    return new ChatTemplate(templates, typeof source === 'string' ? {} : specialTokenVariables(source));
  }

  /**
   * The text of a conversation. Encode it with `encode` of this class: a special token that a message spells out looks
   * like any other in the text.
   *
   * @throws {TokenizerError} `CHAT_TEMPLATE` when the template refuses the messages
   */
  render(messages: readonly TemplateMessage[], options: RenderOptions = {}): string {
    const { addGenerationPrompt = true, tools, documents, variables } = options;
    const named = (tools && this.templates.get('tool_use')) ?? this.templates.get('default');
    if (named === undefined) {
      throw new TokenizerError('CHAT_TEMPLATE', `expected a template named "default", got ${this.names()}`);
    }
    const values = {
      ...this.variables,
      messages,
      tools: tools ?? null,
      documents: documents ?? null,
      add_generation_prompt: addGenerationPrompt,
      ...variables,
    };
    const { value, restore } = withPythonWhiteSpace(values, named.text);
    return restore(guarded('the chat template refused the messages', () => named.template.render(value)));
  }

  /**
   * The ids of a conversation. Special tokens of the template become control tokens; those spelled out in messages,
   * tools and documents are read as ordinary text. `bos_token` and `eos_token` are the tokenizer's unless given.
   *
   * @throws {TokenizerError} `CHAT_TEMPLATE` when the template refuses the messages; `SPECIAL_TOKEN_IN_TEXT` when a
   *   message spells out a special token and the template looks into it, so that the two cannot be told apart
   */
  encode(tokenizer: Tokenizer, messages: readonly TemplateMessage[], options: TemplateEncodeOptions = {}): number[] {
    const defaults = Object.fromEntries(
      [...tokenizer.specialTokens].flatMap(([name, id]) => [
        ...(id === tokenizer.bosId ? [['bos_token', name]] : []),
        ...(id === tokenizer.eosId ? [['eos_token', name]] : []),
      ]),
    ) as Record<string, string>;
    const variables = { ...defaults, ...this.variables, ...options.variables };
    const text = this.render(messages, { ...options, variables });
    if (options.special === 'allow') return tokenizer.encode(text, { special: 'allow' });
    const { tools, documents } = options;
    const written = { messages, ...(tools && { tools }), ...(documents && { documents }) };
    const guard = protectSpecialTokens(written, [...tokenizer.specialTokens.keys()], text);
    const { messages: hidden, ...others } = guard.value;
    const marked = guard.count === 0 ? text : this.render(hidden, { ...options, ...others, variables });
    if (guard.restore(marked) !== text) {
      throw new TokenizerError(
        'SPECIAL_TOKEN_IN_TEXT',
        'expected messages without special tokens, because this template looks into their text',
        { hint: "Take the special tokens out of the messages, or pass special: 'allow' if their authors are trusted." },
      );
    }
    return guard.split(marked).flatMap(({ text: part, isSpecial }) => {
      return isSpecial ? [tokenizer.idOf(part)] : tokenizer.encode(part);
    });
  }

  private names(): string {
    return [...this.templates.keys()].map((name) => JSON.stringify(name)).join(', ') || 'none';
  }
}

async function loadJinja(): Promise<{ readonly Template: typeof Template }> {
  try {
    return await import('@huggingface/jinja');
  } catch (cause) {
    throw new TokenizerError('JINJA_MISSING', `expected the package ${PACKAGE}, but it cannot be loaded`, {
      cause,
      hint: `Install it: npm install ${PACKAGE}`,
    });
  }
}

function templateTexts(source: ChatTemplateSource): ReadonlyMap<string, string> {
  const template: unknown = typeof source === 'string' ? source : source?.chat_template;
  if (typeof template === 'string') return new Map([['default', template]]);
  const entries: unknown[] = Array.isArray(template) ? template : [];
  if (entries.length > 0 && entries.every(isNamedTemplate)) {
    return new Map(entries.map(({ name, template: text }) => [name, text]));
  }
  throw new TokenizerError('CHAT_TEMPLATE', 'expected a chat_template: text, or a list of { name, template }', {
    hint: 'Newer models keep it in chat_template.jinja: pass that file as text.',
  });
}

function isNamedTemplate(value: unknown): value is { name: string; template: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'name') === 'string' &&
    typeof Reflect.get(value, 'template') === 'string'
  );
}

function specialTokenVariables(config: ChatTemplateConfig): Record<string, string> {
  const entries = SPECIAL_TOKEN_VARIABLES.flatMap((name) => {
    const token = config[name];
    const content = typeof token === 'string' ? token : token?.content;
    return content === undefined ? [] : [[name, content] as const];
  });
  return Object.fromEntries(entries);
}

/** Turns the plain errors of the Jinja interpreter into one of ours. */
function guarded<T>(expected: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError('CHAT_TEMPLATE', `${expected}: ${reason}`, { cause });
  }
}
