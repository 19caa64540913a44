import { isPocketlensError } from '@pocketlens/backend';
import type { DenseLogits, Logits } from '@pocketlens/backend';

/** What a check found wrong, in one sentence. */
export class ConformanceFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConformanceFailure';
  }
}

/**
 * How far values may be from the expected ones: absolutely, or relatively as the root mean square of the differences
 * over that of the expected values.
 */
export interface Bound {
  readonly kind: 'absolute' | 'relative';
  readonly value: number;
}

export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConformanceFailure(message);
}

/** Compares plain values, by their JSON where they are objects. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (Object.is(actual, expected)) return;
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (typeof actual === 'object' && found === wanted) return;
  throw new ConformanceFailure(`${what}: expected ${wanted}, received ${found ?? String(actual)}`);
}

/**
 * Compares values with the expected ones and returns how far they are.
 *
 * @throws {ConformanceFailure} that names the first wrong length, non-finite value, or the place of the largest difference
 */
export function expectClose(actual: Float32Array, expected: Float32Array, bound: Bound, what: string): number {
  expect(actual instanceof Float32Array, `${what}: expected a Float32Array`);
  expectEqual(actual.length, expected.length, `${what}: number of values`);
  let [squares, ofExpected, most, at] = [0, 0, 0, 0];
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    expect(Number.isFinite(difference), `${what}: value ${i} is ${actual[i]}, expected ${expected[i]}`);
    squares += difference ** 2;
    ofExpected += expected[i]! ** 2;
    if (difference > most) [most, at] = [difference, i];
  }
  const found = bound.kind === 'absolute' ? most : Math.sqrt(squares / Math.max(ofExpected, Number.MIN_VALUE));
  if (found <= bound.value) return found;
  const kind = bound.kind === 'absolute' ? 'largest' : 'relative';
  throw new ConformanceFailure(
    `${what}: ${kind} difference ${found.toPrecision(3)} exceeds ${bound.value}; ` +
      `value ${at} is ${actual[at]}, expected ${expected[at]}`,
  );
}

/** Expects work to fail with a typed error, and returns it. */
export async function expectCode(
  work: () => unknown,
  codes: string | readonly string[],
  what: string,
): Promise<Error & { readonly code: string }> {
  const wanted = typeof codes === 'string' ? [codes] : codes;
  let value: unknown;
  try {
    value = await work();
  } catch (error) {
    if (isPocketlensError(error) && wanted.includes(error.code)) return error;
    const found = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const received = isPocketlensError(error) ? `${error.code} (${found})` : `an error without the brand (${found})`;
    throw new ConformanceFailure(`${what}: expected ${wanted.join(' or ')}, received ${received}`, { cause: error });
  }
  const received = value === undefined ? 'no error' : `no error, but ${Object.prototype.toString.call(value)}`;
  throw new ConformanceFailure(`${what}: expected ${wanted.join(' or ')}, received ${received}`);
}

/** Expects scores over the whole vocabulary, `rows` of them. */
export function expectDense(logits: Logits, rows: number, what: string): DenseLogits {
  expect(logits.type === 'dense', `${what}: expected dense logits, received ${logits.type}`);
  expectEqual(logits.rows, rows, `${what}: rows`);
  expect(logits.data instanceof Float32Array, `${what}: data must be a Float32Array`);
  expectEqual(logits.data.length, rows * logits.vocabSize, `${what}: number of values`);
  return logits;
}
