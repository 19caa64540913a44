import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelFormatError } from '../errors.js';
import { encodeModel } from './encode.js';
import type { OnnxExternalTensor } from './model.js';
import { readFields } from './protobuf-reader.js';
import { ProtobufWriter } from './protobuf-writer.js';
import { readOnnxWeights } from './read-weights.js';

const external: fc.Arbitrary<OnnxExternalTensor> = fc
  .record({
    name: fc.string(),
    dataType: fc.constantFrom('float32' as const, 'float16' as const),
    shape: fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 3 }),
    location: fc.string({ minLength: 1 }),
    offset: fc.integer({ min: 0, max: 2 ** 40 }),
  })
  .map((tensor) => {
    const elementBytes = tensor.dataType === 'float32' ? 4 : 2;
    return { ...tensor, byteLength: tensor.shape.reduce((product, size) => product * size, elementBytes) };
  });

function modelWith(initializers: readonly OnnxExternalTensor[]): Uint8Array<ArrayBuffer> {
  return encodeModel({ name: 'graph', nodes: [], inputs: [], outputs: [], initializers });
}

function readOrRefuse(bytes: Uint8Array): string {
  try {
    return `${readOnnxWeights(bytes, 'file').length} initializers`;
  } catch (error) {
    return error instanceof ModelFormatError ? error.code : 'another error';
  }
}

describe('protobuf', () => {
  test('whole numbers read back as 64-bit patterns', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.integer({ min: 1, max: 2 ** 20 }),
        (value, number) => {
          const bytes = new ProtobufWriter().integer(number, value).finish();
          expect([...readFields(bytes, 'file')]).toEqual([{ number, integer: BigInt.asUintN(64, value) }]);
        },
      ),
    );
  });

  test('known encodings', () => {
    expect([...new ProtobufWriter().integer(1, 150).finish()]).toEqual([0x08, 0x96, 0x01]);
    expect([...new ProtobufWriter().string(2, 'testing').finish()]).toEqual([0x12, 7, ...Buffer.from('testing')]);
    expect([...new ProtobufWriter().float(2, 1).finish()]).toEqual([0x15, 0, 0, 0x80, 0x3f]);
    expect(new ProtobufWriter().integer(1, -1).finish()).toHaveLength(11);
  });

  test('long messages grow the buffer', () => {
    const text = 'x'.repeat(100_000);
    const [field] = [...readFields(new ProtobufWriter().string(1, text).finish(), 'file')];
    expect(new TextDecoder().decode(field?.bytes)).toBe(text);
  });
});

describe('ONNX files', () => {
  test('initializers read back', () => {
    fc.assert(
      fc.property(fc.array(external, { maxLength: 5 }), (tensors) => {
        const expected = tensors.map(({ location, offset, ...rest }) => ({ ...rest, external: { location, offset } }));
        expect(readOnnxWeights(modelWith(tensors), 'file')).toEqual(expected);
      }),
    );
  });

  test('a cut file or a changed byte gives an error with a code, or initializers', () => {
    fc.assert(
      fc.property(
        fc.array(external, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        (tensors, place, change) => {
          const file = modelWith(tensors);
          const changed = file.slice();
          changed[place % file.byteLength]! ^= change;
          for (const bytes of [changed, file.subarray(0, place % file.byteLength)]) {
            expect(readOrRefuse(bytes)).not.toBe('another error');
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('ten thousand nested messages are skipped or refused, never followed', () => {
    const depth = 10_000;
    const bytes = Uint8Array.from({ length: depth * 2 }, (_, i) => (i % 2 === 0 ? 0x3a : 0x00));
    expect(readOnnxWeights(bytes, 'file')).toEqual([]);
    expect(() => readOnnxWeights(new Uint8Array(depth).fill(0x3a), 'file')).toThrow(ModelFormatError);
  });

  test('the message says where', () => {
    expect(() => readOnnxWeights(Uint8Array.of(0x08, 0x80), 'm.onnx')).toThrow(
      'm.onnx: not an ONNX file: a number is cut at offset 2',
    );
    expect(() => readOnnxWeights(Uint8Array.of(0x3a, 0x05, 0x00), 'm.onnx')).toThrow(
      'a field of 5 bytes with 1 left at offset 2',
    );
    expect(() => readOnnxWeights(new Uint8Array(20).fill(0xff), 'm.onnx')).toThrow('longer than 10 bytes');
    expect(() => readOnnxWeights(Uint8Array.of(0x0b), 'm.onnx')).toThrow('wire type 3');
  });
});
