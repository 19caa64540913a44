import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelFormatError, type ModelFormatErrorCode } from '../errors.js';
import {
  SAFETENSORS_ELEMENT_BYTES,
  parseSafetensorsHeader,
  readHeaderLength,
  type SafetensorsDtype,
} from './header.js';
import { encodeSafetensors, type TensorData } from './writer.js';

const dtypes = Object.keys(SAFETENSORS_ELEMENT_BYTES) as SafetensorsDtype[];

const tensorList: fc.Arbitrary<readonly TensorData[]> = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  )
  .chain((declared) =>
    fc.tuple(
      ...declared.map((tensor) => {
        const length = tensor.shape.reduce((product, size) => product * size, SAFETENSORS_ELEMENT_BYTES[tensor.dtype]);
        return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ ...tensor, bytes }));
      }),
    ),
  );

/** Reads a file in memory the way the reader does it on disk. */
function readAll(file: Uint8Array): readonly TensorData[] {
  const length = readHeaderLength(file.subarray(0, 8), file.byteLength, 'file');
  const { tensors } = parseSafetensorsHeader(file.subarray(8, 8 + length), file.byteLength, 'file');
  return [...tensors.values()].map(({ name, dtype, shape, offset, byteLength }) => {
    return { name, dtype, shape, bytes: file.slice(offset, offset + byteLength) };
  });
}

/** The file's tensors, or the code of the error that says why not; any other error goes through. */
function readOrRefuse(file: Uint8Array): readonly TensorData[] | ModelFormatErrorCode {
  try {
    return readAll(file);
  } catch (error) {
    if (error instanceof ModelFormatError) return error.code;
    throw error;
  }
}

function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = typeof header === 'string' ? header : JSON.stringify(header);
  const bytes = new TextEncoder().encode(json);
  const file = new Uint8Array(8 + bytes.byteLength + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(bytes.byteLength), true);
  file.set(bytes, 8);
  return file;
}

const tensor = (fields: object): Uint8Array =>
  fileOf({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } }, 8);

describe('properties', () => {
  test('what is written reads back', () => {
    fc.assert(
      fc.property(tensorList, fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
        const file = encodeSafetensors(tensors, metadata);
        expect(new Map(readAll(file).map((entry) => [entry.name, entry]))).toEqual(
          new Map(tensors.map((entry) => [entry.name, entry])),
        );
        expect(readHeaderLength(file, file.byteLength, 'file') % 8).toBe(0);
      }),
    );
  });

  test('a cut or lengthened file is refused', () => {
    fc.assert(
      fc.property(tensorList, fc.nat(), fc.integer({ min: 1, max: 9 }), (tensors, cut, extra) => {
        const file = encodeSafetensors(tensors);
        const shorter = file.subarray(0, cut % file.byteLength);
        expect(['MODEL_HEADER', 'MODEL_TENSOR_BOUNDS']).toContain(readOrRefuse(shorter));
        const longer = new Uint8Array(file.byteLength + extra);
        longer.set(file);
        expect(readOrRefuse(longer)).toBe('MODEL_TENSOR_BOUNDS');
      }),
    );
  });

  test('a changed byte gives an error with a code, or tensors inside the file', () => {
    fc.assert(
      fc.property(tensorList, fc.nat(), fc.integer({ min: 1, max: 255 }), (tensors, place, change) => {
        const file = encodeSafetensors(tensors);
        file[place % file.byteLength]! ^= change;
        const result = readOrRefuse(file);
        if (typeof result === 'string') return;
        const header = readHeaderLength(file, file.byteLength, 'file');
        const dataBytes = result.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
        expect(dataBytes).toBe(file.byteLength - 8 - header);
      }),
      { numRuns: 500 },
    );
  });

  test('changed data bytes leave the header alone', () => {
    const file = encodeSafetensors([{ name: 'w', dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 3) }]);
    file[file.byteLength - 1] = 9;
    expect(readAll(file)).toEqual([{ name: 'w', dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 9) }]);
  });
});

describe('refusals', () => {
  test.each([0, 1, 7])('a file of %i bytes', (size) => {
    expect(() => readAll(new Uint8Array(size))).toThrow(`${size} bytes, at least 8`);
    expect(readOrRefuse(new Uint8Array(size))).toBe('MODEL_HEADER');
  });

  test.each([2n ** 63n, 2n ** 64n - 1n, 9n])('a header length of %i in a file of 16 bytes', (length) => {
    const file = new Uint8Array(16);
    new DataView(file.buffer).setBigUint64(0, length, true);
    expect(() => readAll(file)).toThrow(`header of ${length} bytes in a file of 16 bytes`);
    expect(readOrRefuse(file)).toBe('MODEL_HEADER');
  });

  test('a header over the limit', () => {
    const start = new Uint8Array(8);
    new DataView(start.buffer).setBigUint64(0, 26_500_000n, true);
    expect(() => readHeaderLength(start, 30_000_000, 'file')).toThrow('limit 26214400');
  });

  test.each(['[]', '"text"', 'null', '{"a":', ''])('the header %s', (json) => {
    expect(readOrRefuse(fileOf(json))).toBe('MODEL_HEADER');
  });

  test('bytes that are not UTF-8', () => {
    const file = fileOf('{"é":1}');
    file[10] = 0xff;
    expect(readOrRefuse(file)).toBe('MODEL_HEADER');
  });

  test.each([
    { data_offsets: [0, 12] },
    { data_offsets: [8, 0] },
    { data_offsets: [-8, 0] },
    { data_offsets: [0.5, 8.5] },
    { data_offsets: ['0', '8'] },
    { data_offsets: [0] },
    { data_offsets: undefined },
    { shape: [3] },
    { shape: [-2] },
    { shape: [4_294_967_295, 4_294_967_295] },
    { shape: [4_294_967_297] },
    { shape: [1, 1, 1, 1, 1, 1, 1, 1, 2] },
    { shape: 2 },
  ])('a tensor with %o', (fields) => {
    expect(readOrRefuse(tensor(fields))).toBe('MODEL_TENSOR_BOUNDS');
  });

  test('an unknown dtype, with the known ones', () => {
    expect(() => readAll(tensor({ dtype: 'F7' }))).toThrow(/"w": dtype "F7" is unknown; known are .*BF16/);
    expect(readOrRefuse(tensor({ dtype: 'toString' }))).toBe('MODEL_DTYPE');
  });

  test('tensors that overlap or leave a gap', () => {
    const two = (second: readonly number[]): Uint8Array =>
      fileOf(
        { a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] }, b: { dtype: 'U8', shape: [4], data_offsets: second } },
        8,
      );
    expect(readAll(two([4, 8]))).toHaveLength(2);
    expect(readOrRefuse(two([2, 6]))).toBe('MODEL_TENSOR_BOUNDS');
    expect(readOrRefuse(fileOf({ a: { dtype: 'U8', shape: [4], data_offsets: [4, 8] } }, 8))).toBe(
      'MODEL_TENSOR_BOUNDS',
    );
  });

  test('metadata that are no strings', () => {
    expect(readOrRefuse(fileOf({ __metadata__: { a: 1 } }))).toBe('MODEL_HEADER');
  });

  test('the name __proto__ is a name', () => {
    const file = fileOf('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1);
    expect(readAll(file)).toMatchObject([{ name: '__proto__', shape: [1] }]);
  });
});
