import { describe, expect, it } from 'vitest';
import { difference, failures, readGoldenRows } from '../test/golden.js';
import { ChatTemplate } from './chat-template.js';
import { type ChatMessage, Llama3Tokenizer } from './index.js';

/** Of the later release of Llama 3 Instruct, which asks for `add_generation_prompt`. */
const LLAMA3 =
  "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

const tokenizer = await Llama3Tokenizer.load();
const eot = tokenizer.idOf('<|eot_id|>');

interface ChatRow {
  readonly id: string;
  readonly messages: (ChatMessage & Record<string, unknown>)[];
  readonly add_generation_prompt: boolean;
  readonly text: string;
  readonly ids: number[];
  readonly ids_injection_safe: number[];
}

describe("Llama 3's own template", async () => {
  // A template without messages has no begin-of-text token.
  const rows = readGoldenRows<ChatRow>('chat.jsonl').filter(({ messages }) => messages.length > 0);
  const template = await ChatTemplate.load({ chat_template: LLAMA3, bos_token: { content: '<|begin_of_text|>' } });
  const optionsOf = (row: ChatRow) => ({ addGenerationPrompt: row.add_generation_prompt });

  it('renders the golden texts, white space at their ends too', () => {
    expect(rows.length).toBeGreaterThan(100);
    const wrong = failures(rows, (row) => {
      const text = template.render(row.messages, optionsOf(row));
      return text === row.text ? undefined : JSON.stringify(text);
    });
    expect(wrong).toEqual([]);
  });

  it('makes no control token of what messages hold', () => {
    const wrong = failures(rows, (row) => {
      return difference(template.encode(tokenizer, row.messages, optionsOf(row)), row.ids_injection_safe);
    });
    expect(wrong).toEqual([]);
  });

  it('makes control tokens of them when allowed', () => {
    const wrong = failures(rows, (row) => {
      return difference(template.encode(tokenizer, row.messages, { ...optionsOf(row), special: 'allow' }), row.ids);
    });
    expect(wrong).toEqual([]);
  });

  it('takes the begin-of-text token from the tokenizer when only the template is given', async () => {
    const alone = await ChatTemplate.load(LLAMA3);
    const messages = [{ role: 'user', content: 'Hi <|eot_id|>' }];
    expect(alone.encode(tokenizer, messages)).toEqual(tokenizer.encodeChat(messages));
    expect(alone.render(messages, { variables: { bos_token: '<s>' } })).toMatch(/^<s><\|start_header_id\|>user/);
  });
});

describe('any template', () => {
  const user = (content: unknown) => [{ role: 'user', content }];

  it('gets tools, documents and variables, and may hold several templates', async () => {
    const template = await ChatTemplate.load({
      chat_template: [
        { name: 'default', template: '{{ messages[0].content }}{% if shout %}!{% endif %}' },
        { name: 'tool_use', template: '{{ tools | tojson }}{{ documents[0].title }}' },
      ],
    });
    expect(template.render(user('x'), { variables: { shout: true } })).toBe('x!');
    const tools = [{ name: 'f<|eot_id|>' }];
    expect(template.render(user('x'), { tools, documents: [{ title: 't' }] })).toBe('[{"name": "f<|eot_id|>"}]t');
    expect(template.encode(tokenizer, user('x'), { tools, documents: [{ title: '<|eot_id|>' }] })).not.toContain(eot);
  });

  it('finds parts of a message, and leaves objects alone that are no plain data', async () => {
    const template = await ChatTemplate.load(
      "{% for part in messages[0].content %}{{ part.text if part.type == 'text' else '<|eot_id|>' }}{% endfor %}",
    );
    const content = [
      { type: 'text', text: '<|eot_id|>a' },
      { type: 'image', image: new Uint8Array(4) },
    ];
    const ids = template.encode(tokenizer, user(content));
    expect(ids.filter((id) => id === eot)).toEqual([eot]);
    expect(tokenizer.decode(ids)).toBe('<|eot_id|>a<|eot_id|>');
  });

  it('keeps noncharacters and rare spaces of the messages', async () => {
    const template = await ChatTemplate.load('{{ messages[0].content | trim }}<|eot_id|>');
    const content = '\ufdd0<|eot_id|>\u2000\u001c\u2001\ufeff<|end_of_text|>\ufdef\u001c';
    const ids = template.encode(tokenizer, user(content));
    expect(tokenizer.decode(ids)).toBe(`${content.slice(0, -1)}<|eot_id|>`);
    expect(ids.filter((id) => id >= 128_000)).toEqual([eot]);
  });

  it('may make a special token of a role', async () => {
    const template = await ChatTemplate.load("{{ '<|' + messages[0].role + '|>' + messages[0].content }}");
    expect(template.encode(tokenizer, [{ role: 'eot_id', content: '<|eot_id|>' }])[0]).toBe(eot);
  });

  it('that looks into a message refuses special tokens in it', async () => {
    const template = await ChatTemplate.load("{{ messages[0].content.split('<|eot_id|>')[0] }}");
    const refused = expect.objectContaining({ code: 'SPECIAL_TOKEN_IN_TEXT' });
    expect(() => template.encode(tokenizer, user('a<|eot_id|>b'))).toThrow(refused);
    expect(template.encode(tokenizer, user('a'))).toEqual(tokenizer.encode('a'));
  });

  it('says what is wrong', async () => {
    const wrong = expect.objectContaining({ code: 'CHAT_TEMPLATE' });
    await expect(ChatTemplate.load({})).rejects.toEqual(wrong);
    await expect(ChatTemplate.load({ chat_template: [] })).rejects.toEqual(wrong);
    await expect(ChatTemplate.load('{% if %}')).rejects.toEqual(wrong);
    const refusing = await ChatTemplate.load("{{ raise_exception('roles must alternate') }}");
    expect(() => refusing.render(user('x'))).toThrow(/roles must alternate/);
    expect(() => refusing.render(user('x'))).toThrow(wrong);
    const unnamed = await ChatTemplate.load({ chat_template: [{ name: 'rag', template: 'x' }] });
    expect(() => unnamed.render(user('x'))).toThrow(/"rag"/);
  });
});
