import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Llama3Tokenizer, MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS } from '@pocketlens/tokenizer';
import { buildPrompt } from './build-prompt.js';
import type { ContentPart, Message } from './messages.js';
import { placeholderStyle } from './placeholder.js';
import type { SliceGrid } from './placeholder.js';
import type { Prompt, PromptTokenizer } from './prompt-writer.js';

const IMAGE: ContentPart = { type: 'image', image: { width: 1, height: 1, data: new Uint8Array(3) } };
const text = (value: string): ContentPart => ({ type: 'text', text: value });
const user = (...content: ContentPart[]): Message => ({ role: 'user', content });

let llama3: Llama3Tokenizer;
let tokenizer: PromptTokenizer;

beforeAll(async () => {
  llama3 = await Llama3Tokenizer.load(undefined, {
    specialTokens: { ...MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS, '<image_id>': 128022, '</image_id>': 128023 },
  });
  tokenizer = { encode: (value) => llama3.encode(value), controlId: (token) => llama3.idOf(token) };
});

function build(
  messages: readonly Message[],
  grids: readonly SliceGrid[] = [],
  version = '2.5',
  hasImageId = false,
): Prompt {
  return buildPrompt(messages, grids, { tokenizer, style: placeholderStyle(version, hasImageId) });
}

/** The prompt as one row of ids, a slice being 128002 (`<unk>`) once. */
const flat = (prompt: Prompt): number[] => prompt.parts.flatMap((part) => (part.type === 'ids' ? part.ids : [128002]));

/** What the published code tokenises: the same text with control tokens read as such. */
const rendered = (template: string): number[] => {
  const pieces = template.split(/(<\|[a-z_]+\|>|<\/?(?:image|slice|image_id|unk)>)/).filter((piece) => piece !== '');
  return pieces.flatMap((piece) => llama3.specialTokens.get(piece) ?? llama3.encode(piece));
};

const HEAD = '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n';
const TAIL = '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n';

describe('buildPrompt', () => {
  it('gives the ids of the published example', () => {
    const prompt = build([user(IMAGE, text('What is in the image?'))], [null]);
    expect(flat(prompt)).toEqual([
      128000, 128006, 882, 128007, 271, 128010, 128002, 128011, 198, 3923, 374, 304, 279, 2217, 30, 128009, 128006,
      78191, 128007, 271,
    ]);
    expect(prompt).toMatchObject({ sliceCount: 1, textTokens: 19 });
  });

  it('wraps the whole grid once in version 2.5', () => {
    const I = '<image><unk></image>';
    const prompt = build([user(IMAGE, text('Read.'))], [[2, 3]]);
    expect(flat(prompt)).toEqual(rendered(`${HEAD}${I}<slice>${I}${I}\n${I}${I}\n${I}${I}</slice>\nRead.${TAIL}`));
    expect(prompt.sliceCount).toBe(7);
  });

  it('wraps every cell from version 2.6 on, with the number of the image where asked', () => {
    const S = '<slice><unk></slice>';
    const images = [user(IMAGE, IMAGE, text('Compare.'))];
    const grids: SliceGrid[] = [[1, 2], null];
    const first = `<image><unk></image>${S}\n${S}`;
    expect(flat(build(images, grids, '2.6'))).toEqual(
      rendered(`${HEAD}${first}\n<image><unk></image>\nCompare.${TAIL}`),
    );
    const numbered = `${HEAD}<image_id>0</image_id>${first}\n<image_id>1</image_id><image><unk></image>\nCompare.${TAIL}`;
    expect(flat(build(images, grids, '4.0', true))).toEqual(rendered(numbered));
  });

  it('numbers images over the whole conversation', () => {
    const prompt = build(
      [user(IMAGE, text('a')), { role: 'assistant', content: 'b' }, user(text('c'), IMAGE)],
      [null, null],
      '2.6',
      true,
    );
    const I = (index: number): string => `<image_id>${index}</image_id><image><unk></image>`;
    const middle =
      '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n';
    expect(flat(prompt)).toEqual(rendered(`${HEAD}${I(0)}\na${middle}c\n${I(1)}${TAIL}`));
  });

  it('strips content at its outer ends as Python does, and joins parts by newlines', () => {
    const I = '<image><unk></image>';
    const cases: readonly (readonly [readonly ContentPart[], string])[] = [
      [[text(' \u001c\u00a0 hi \u0085\n')], 'hi'],
      [[text('\ufeffhi\ufeff')], '\ufeffhi\ufeff'],
      [[text('  '), IMAGE, text(' a ')], `${I}\n a`],
      [[IMAGE, text('')], I],
      [[text('a'), text('\n'), text('b')], 'a\n\n\nb'],
    ];
    for (const [content, expected] of cases) {
      const grids = content.filter((part) => part.type === 'image').map(() => null);
      expect(flat(build([user(...content)], grids))).toEqual(rendered(`${HEAD}${expected}${TAIL}`));
    }
  });

  it('writes a system prompt unless it is empty', () => {
    const system = '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>';
    const withSystem = flat(build([{ role: 'system', content: ' Be brief. ' }, user(text('hi'))]));
    expect(withSystem).toEqual(rendered(`${system}${HEAD.replace('<|begin_of_text|>', '')}hi${TAIL}`));
    expect(flat(build([{ role: 'system', content: ' ' }, user(text('hi'))]))).toEqual(rendered(`${HEAD}hi${TAIL}`));
  });

  it('refuses another number of grids than images', () => {
    for (const grids of [[], [null, null]]) {
      expect(() => build([user(IMAGE)], grids)).toThrow(expect.objectContaining({ code: 'PROMPT_IMAGE_COUNT' }));
    }
  });

  it('never makes a control token of text, wherever it stands', () => {
    const special = fc.constantFrom(...llama3.specialTokens.keys(), '(<image>./</image>)', '<image', '|eot_id|>');
    const anyText = fc
      .array(fc.oneof(special, fc.string({ unit: 'grapheme' })), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''));
    const frame = flat(
      build([{ role: 'system', content: 'x' }, user(IMAGE, text('y')), { role: 'assistant', content: 'z' }], [null]),
    );
    const control = (ids: readonly number[]): number[] => ids.filter((id) => id >= 128000);
    fc.assert(
      fc.property(anyText, anyText, anyText, (a, b, c) => {
        const prompt = build(
          [{ role: 'system', content: `x${a}` }, user(IMAGE, text(b)), { role: 'assistant', content: c }],
          [null],
        );
        expect(control(flat(prompt))).toEqual(control(frame));
      }),
      { numRuns: 200 },
    );
  });
});
