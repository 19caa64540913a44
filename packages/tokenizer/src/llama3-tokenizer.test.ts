import { describe, expect, it } from 'vitest';
import { difference, failures, readGoldenRows } from '../test/golden.js';
import { type ChatMessage, Llama3Tokenizer, MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS } from './index.js';

const tokenizer = await Llama3Tokenizer.load();
const minicpm = await Llama3Tokenizer.load(undefined, { specialTokens: MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS });

interface EncodeRow {
  readonly id: string;
  readonly text: string;
  readonly ids: number[];
  readonly ids_with_bos: number[];
}

describe('encode, as tiktoken and Hugging Face tokenizers do', () => {
  const rows = readGoldenRows<EncodeRow>('encode.jsonl');

  it('has the golden rows', () => expect(rows).toHaveLength(8701));

  it('gives the reference ids', () => {
    expect(failures(rows, ({ text, ids }) => difference(tokenizer.encode(text), ids))).toEqual([]);
  });

  it('gives the same ids from the word cache', () => {
    expect(failures(rows, ({ text, ids }) => difference(tokenizer.encode(text), ids))).toEqual([]);
  });

  it('puts the begin-of-text token first when asked', () => {
    const wrong = failures(rows, ({ text, ids_with_bos }) =>
      difference(tokenizer.encode(text, { bos: true }), ids_with_bos),
    );
    expect(wrong).toEqual([]);
  });

  it('decodes back to the text, lone surrogates replaced', () => {
    const wrong = failures(rows, ({ text, ids }) => (tokenizer.decode(ids) === text.toWellFormed() ? undefined : text));
    expect(wrong).toEqual([]);
  });
});

interface SpecialRow {
  readonly id: string;
  readonly text: string;
  readonly contains_special: boolean;
  readonly ids_plain: number[];
  readonly ids_all: number[];
  readonly ids_allow_eot_and_start_header: number[];
}

describe('special tokens in text', () => {
  const rows = readGoldenRows<SpecialRow>('special.jsonl');

  it('are text by default', () => {
    expect(failures(rows, ({ text, ids_plain }) => difference(tokenizer.encode(text), ids_plain))).toEqual([]);
  });

  it('become control tokens when allowed', () => {
    const wrong = failures(rows, ({ text, ids_all }) =>
      difference(tokenizer.encode(text, { special: 'allow' }), ids_all),
    );
    expect(wrong).toEqual([]);
  });

  it('become control tokens by name', () => {
    const names = ['<|eot_id|>', '<|start_header_id|>'];
    for (const special of [names, new Set(names)]) {
      const wrong = failures(rows, (row) =>
        difference(tokenizer.encode(row.text, { special }), row.ids_allow_eot_and_start_header),
      );
      expect(wrong).toEqual([]);
    }
  });

  it('are refused when asked', () => {
    const clean = rows.filter((row) => !row.contains_special);
    const wrong = failures(clean, ({ text, ids_plain }) =>
      difference(tokenizer.encode(text, { special: 'error' }), ids_plain),
    );
    expect(wrong).toEqual([]);
    const refused = rows.filter((row) => row.contains_special);
    expect(refused.length).toBeGreaterThan(0);
    for (const { text } of refused) {
      expect(() => tokenizer.encode(text, { special: 'error' })).toThrow(
        expect.objectContaining({ code: 'SPECIAL_TOKEN_IN_TEXT' }),
      );
    }
  });

  it('must exist to be allowed by name', () => {
    expect(() => tokenizer.encode('x', { special: ['<image>'] })).toThrow(
      expect.objectContaining({ code: 'SPECIAL_TOKEN_UNKNOWN' }),
    );
  });
});

interface MinicpmRow {
  readonly id: string;
  readonly text: string;
  readonly ids_plain: number[];
  readonly ids_all: number[];
  readonly ids_all_with_bang_special: number[];
}

describe('special tokens of MiniCPM-Llama3-V 2.5', () => {
  const rows = readGoldenRows<MinicpmRow>('special_minicpmv.jsonl');

  it('rename reserved ones', () => {
    expect(failures(rows, ({ text, ids_plain }) => difference(minicpm.encode(text), ids_plain))).toEqual([]);
    const wrong = failures(rows, ({ text, ids_all }) =>
      difference(minicpm.encode(text, { special: 'allow' }), ids_all),
    );
    expect(wrong).toEqual([]);
    expect(minicpm.idOf('<image>')).toBe(128010);
    expect(minicpm.specialTokens.has('<|reserved_special_token_0|>')).toBe(false);
    expect(minicpm.specialTokens.size).toBe(256);
    expect(minicpm.vocabSize).toBe(128256);
  });

  it('include the pad token when asked', async () => {
    const specialTokens = MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS;
    const padded = await Llama3Tokenizer.load(undefined, { specialTokens, padIsSpecial: true });
    const wrong = failures(rows, (row) =>
      difference(padded.encode(row.text, { special: 'allow' }), row.ids_all_with_bang_special),
    );
    expect(wrong).toEqual([]);
    expect(failures(rows, ({ text, ids_plain }) => difference(padded.encode(text), ids_plain))).toEqual([]);
    expect(padded.encode('Hello!!', { special: 'error' })).toEqual([9906, 3001]);
    expect(padded.encode('Hello!!', { special: ['!'] })).toEqual([9906, 0, 0]);
    expect(padded.decode([9906, 0, 0], { skipSpecial: true })).toBe('Hello');
  });
});

interface ChatRow {
  readonly id: string;
  readonly messages: ChatMessage[];
  readonly add_generation_prompt: boolean;
  readonly text: string;
  readonly ids: number[];
  readonly ids_injection_safe: number[];
}

describe('encodeChat', () => {
  const rows = readGoldenRows<ChatRow>('chat.jsonl');

  it('makes no control token of contents', () => {
    const wrong = failures(rows, ({ messages, add_generation_prompt, ids_injection_safe }) =>
      difference(tokenizer.encodeChat(messages, { addGenerationPrompt: add_generation_prompt }), ids_injection_safe),
    );
    expect(wrong).toEqual([]);
  });

  it('equals the rendered template when contents may hold control tokens', () => {
    const wrong = failures(rows, ({ messages, add_generation_prompt, text, ids }) => {
      const options = { addGenerationPrompt: add_generation_prompt, special: 'allow' as const };
      return (
        difference(tokenizer.encodeChat(messages, options), ids) ??
        difference(tokenizer.encode(text, { special: 'allow' }), ids)
      );
    });
    expect(wrong).toEqual([]);
  });

  it('reads roles as text too', () => {
    const ids = tokenizer.encodeChat([{ role: 'user<|eot_id|>', content: '<|eot_id|>' }]);
    expect(ids.filter((id) => id === tokenizer.idOf('<|eot_id|>'))).toHaveLength(1);
  });

  it('opens the turn of the assistant by default', () => {
    const messages = [{ role: 'user', content: 'Hi' }];
    expect(tokenizer.encodeChat(messages)).toEqual(tokenizer.encodeChat(messages, { addGenerationPrompt: true }));
  });
});

interface DecodeRow {
  readonly id: string;
  readonly ids: number[];
  readonly text: string;
  readonly chunks: string[];
  readonly flush: string;
}

describe('decode', () => {
  const rows = readGoldenRows<DecodeRow>('decode.jsonl');

  it('gives the reference text', () => {
    const wrong = failures(rows, ({ ids, text }) => {
      const isSame = tokenizer.decode(ids) === text && tokenizer.decode(Uint32Array.from(ids)) === text;
      return isSame ? undefined : text;
    });
    expect(wrong).toEqual([]);
  });

  it('streams what is certain after each token', () => {
    const stream = tokenizer.stream();
    for (const { ids, chunks, flush } of rows) {
      expect(ids.map((id) => stream.push(id))).toEqual(chunks);
      expect(stream.end()).toBe(flush);
    }
  });

  it('shows or skips special tokens', () => {
    const ids = tokenizer.encodeChat([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: false });
    const shown = '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>';
    expect(tokenizer.decode(ids)).toBe(shown);
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe('user\n\nHi');
    const [all, plain] = [tokenizer.stream(), tokenizer.stream({ skipSpecial: true })];
    expect(ids.map((id) => all.push(id)).join('') + all.end()).toBe(shown);
    expect(ids.map((id) => plain.push(id)).join('') + plain.end()).toBe('user\n\nHi');
  });

  it('keeps a leading byte order mark', () => {
    const ids = tokenizer.encode('\ufeffx');
    const stream = tokenizer.stream();
    expect(tokenizer.decode(ids)).toBe('\ufeffx');
    expect(ids.map((id) => stream.push(id)).join('') + stream.end()).toBe('\ufeffx');
  });

  it.each([-1, 128256, 0.5, Number.NaN, 2 ** 32])('refuses the id %s', (id) => {
    expect(() => tokenizer.decode([9906, id])).toThrow(expect.objectContaining({ code: 'TOKEN_ID_RANGE' }));
    expect(() => tokenizer.stream().push(id)).toThrow(expect.objectContaining({ code: 'TOKEN_ID_RANGE' }));
    expect(() => tokenizer.decode([id], { skipSpecial: true })).toThrow(
      expect.objectContaining({ code: 'TOKEN_ID_RANGE' }),
    );
  });
});

describe('a loaded tokenizer', () => {
  it('knows its special tokens', () => {
    expect(tokenizer.bosId).toBe(128000);
    expect(tokenizer.eosId).toBe(128001);
    expect(tokenizer.idOf('<|eot_id|>')).toBe(128009);
    expect(tokenizer.specialTokens.get('<|reserved_special_token_250|>')).toBe(128255);
    expect(tokenizer.vocabSize).toBe(128256);
  });

  it('names an unknown special token', () => {
    expect(() => tokenizer.idOf('<image>')).toThrow(expect.objectContaining({ code: 'SPECIAL_TOKEN_UNKNOWN' }));
  });

  it('refuses what is no text', () => {
    const noText = 7 as unknown as string;
    expect(() => tokenizer.encode(noText)).toThrow(expect.objectContaining({ code: 'ARGUMENT_TYPE' }));
  });
});
