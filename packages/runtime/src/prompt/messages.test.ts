import { describe, expect, it } from 'vitest';
import { checkMessages, imageParts, pythonStrip } from './messages.js';
import type { Message } from './messages.js';

// Callers in JavaScript are not held by the types.
const codeOf = (messages: unknown): string | undefined => {
  try {
    checkMessages(messages as readonly Message[]);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const image = { type: 'image', image: new Uint8Array(3) } as const;

describe('checkMessages', () => {
  it.each([
    ['PROMPT_EMPTY', []],
    ['PROMPT_EMPTY', [{ role: 'user', content: '' }]],
    ['PROMPT_EMPTY', [{ role: 'user', content: ' \n' }]],
    ['PROMPT_EMPTY', [{ role: 'user', content: [] }]],
    ['PROMPT_EMPTY', [{ role: 'system', content: 'a' }]],
    ['PROMPT_ROLE_ORDER', [{ role: 'assistant', content: 'a' }]],
    ['PROMPT_ROLE_ORDER', [{ role: 'robot', content: 'a' }]],
    [
      'PROMPT_ROLE_ORDER',
      [
        { role: 'system', content: 'a' },
        { role: 'system', content: 'b' },
        { role: 'user', content: 'c' },
      ],
    ],
    [
      'PROMPT_ROLE_ORDER',
      [
        { role: 'system', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    ],
    [
      'PROMPT_ROLE_ORDER',
      [
        { role: 'user', content: 'a' },
        { role: 'system', content: 'b' },
      ],
    ],
    ['PROMPT_CONTENT', [{ role: 'user', content: 5 }]],
    ['PROMPT_CONTENT', [{ role: 'user', content: [{ type: 'video' }] }]],
    ['PROMPT_CONTENT', [{ role: 'user', content: [{ type: 'image' }] }]],
    [
      'PROMPT_CONTENT',
      [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: [image] },
      ],
    ],
  ])('refuses with %s', (code, messages) => {
    expect(codeOf(messages)).toBe(code);
  });

  it.each([
    [[{ role: 'user', content: 'a' }]],
    [[{ role: 'user', content: [image] }]],
    [
      [
        { role: 'system', content: '' },
        { role: 'user', content: 'a' },
        { role: 'assistant', content: '' },
      ],
    ],
    [
      [
        { role: 'user', content: 'a' },
        { role: 'user', content: 'b' },
      ],
    ],
  ])('accepts %j', (messages) => {
    expect(codeOf(messages)).toBeUndefined();
  });

  it('names the message and what is allowed', () => {
    const messages = [
      { role: 'system', content: 'a' },
      { role: 'system', content: 'b' },
    ] as const;
    expect(() => checkMessages(messages)).toThrow(/message 1 has role "system", allowed: user/);
  });
});

describe('imageParts', () => {
  it('lists images of all messages in order', () => {
    const other = { type: 'image', image: new Uint8Array(6) } as const;
    const messages: Message[] = [
      { role: 'user', content: [{ type: 'text', text: 'a' }, image] },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: [other] },
    ];
    expect(imageParts(messages)).toEqual([image, other]);
  });
});

describe('pythonStrip', () => {
  it('removes what str.strip removes and keeps the rest', () => {
    const spaces = '\t\n\v\f\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000';
    expect(pythonStrip(`${spaces}a${spaces}b${spaces}`)).toBe(`a${spaces}b`);
    expect(pythonStrip('\ufeff\u200b')).toBe('\ufeff\u200b');
    expect(pythonStrip(spaces)).toBe('');
  });

  it('takes linear time', () => {
    const long = `a${' '.repeat(1_000_000)}b`;
    expect(pythonStrip(long)).toBe(long);
  });
});
