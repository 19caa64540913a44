import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeOutcome, decodeRequest, encodeOutcome, encodeRequest } from './wire.js';

const part = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text: fc.string({ unit: 'binary' }) }),
  fc.record({ type: fc.constant('image' as const), image: fc.uint8Array() }),
);
const message = fc.record({
  role: fc.constantFrom('user' as const, 'system' as const),
  content: fc.oneof(fc.string(), fc.array(part)),
});

describe('a question in the queue', () => {
  it('comes back as it was sent', () => {
    fc.assert(
      fc.property(fc.array(message), fc.nat(), (messages, maxNewTokens) => {
        const request = { messages, options: { maxNewTokens, imageMode: 'exact' as const, stop: ['a', '<|eot_id|>'] } };
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }),
    );
  });

  it.each([
    ['no JSON', 'hello'],
    ['no question', '[]'],
    [
      'a picture that is a path',
      JSON.stringify({ messages: [{ role: 'user', content: [{ type: 'image', image: '/etc/passwd' }] }], options: {} }),
    ],
    [
      'a control part',
      JSON.stringify({ messages: [{ role: 'user', content: [{ type: 'control', text: '<|eot_id|>' }] }], options: {} }),
    ],
    ['another role', JSON.stringify({ messages: [{ role: 'tool', content: '' }], options: {} })],
    ['a setting that is no plain value', JSON.stringify({ messages: [], options: { beams: { a: 1 } } })],
  ])('with %s is refused', (_, text) => {
    expect(() => decodeRequest(text)).toThrow(expect.objectContaining({ code: 'QUEUE_MESSAGE' }));
  });
});

describe('an outcome in the queue', () => {
  it.each([
    { prediction: 'x\u2028y' },
    { error: { code: 'SAMPLE_TIMEOUT', message: 'Expected an answer.' } },
    { prediction: '', warnings: [{ code: 'W', message: 'w' }] },
  ])('comes back as it was: %j', (outcome) => {
    expect(decodeOutcome(encodeOutcome(outcome as never))).toEqual(outcome);
  });

  it('that is none is refused', () => {
    expect(() => decodeOutcome('{"prediction": 1}')).toThrow(expect.objectContaining({ code: 'QUEUE_MESSAGE' }));
  });
});
