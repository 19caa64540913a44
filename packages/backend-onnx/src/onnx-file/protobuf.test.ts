import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesField,
  changeMessage,
  integerField,
  messageField,
  readFields,
  textField,
  textsOf,
  writeFields,
} from './protobuf.js';

const field = fc.oneof(
  fc.record({
    number: fc.integer({ min: 1, max: 2 ** 20 }),
    wire: fc.constant(0 as const),
    value: fc.bigInt(0n, 2n ** 64n - 1n),
  }),
  fc.record({
    number: fc.integer({ min: 1, max: 2 ** 20 }),
    wire: fc.constant(2 as const),
    value: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({
    number: fc.integer({ min: 1, max: 100 }),
    wire: fc.constant(5 as const),
    value: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  }),
  fc.record({
    number: fc.integer({ min: 1, max: 100 }),
    wire: fc.constant(1 as const),
    value: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  }),
);

describe('protobuf messages', () => {
  it('read as they were written, and write as they were read', () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const bytes = writeFields(fields);
        expect(readFields(bytes)).toEqual(fields);
        expect(writeFields(readFields(bytes))).toEqual(bytes);
      }),
    );
  });

  it('give an error, not garbage, when they are cut or no messages', () => {
    const bytes = writeFields([textField(1, 'a text'), integerField(2, 300)]);
    for (let length = 1; length < bytes.length; length++) {
      if (length === 8) continue; // the first field alone
      expect(() => readFields(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: 'MODEL_HEADER' }));
    }
    for (const broken of [
      [0x0b],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      [0x0a, 0xff, 0xff, 0x7f],
    ]) {
      expect(() => readFields(Uint8Array.from(broken))).toThrow(expect.objectContaining({ code: 'MODEL_HEADER' }));
    }
  });

  it('change in one place', () => {
    const outer = [integerField(1, 7), messageField(2, [textField(1, 'old')]), bytesField(3, Uint8Array.of(1))];
    const changed = changeMessage(outer, 2, (inner) => [...inner, textField(1, 'new')]);
    expect(changed.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(textsOf(readFields(changed[1]!.value as Uint8Array), 1)).toEqual(['old', 'new']);
    expect(() => changeMessage(outer, 9, (inner) => inner)).toThrow(expect.objectContaining({ code: 'MODEL_HEADER' }));
  });
});
