import type { Json } from '../benchmarks/benchmark.js';
import { isObject } from './cases-file.js';

const TOLERANCE = 1e-9;
const NON_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/**
 * Says whether a result agrees with the expected JSON: numbers within 1e-9, the texts "NaN", "Infinity" and "-Infinity"
 * standing for these floats. Of an object only the expected fields are compared.
 */
export function matches(expected: Json, actual: Json | undefined): boolean {
  if (typeof actual === 'number') return isSameNumber(expected, actual);
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((item: Json, at) => matches(item, (actual as readonly Json[])[at]))
    );
  }
  if (isObject(expected)) {
    return isObject(actual) && Object.entries(expected).every(([key, item]) => matches(item, actual[key]));
  }
  return expected === actual;
}

function isSameNumber(expected: Json, actual: number): boolean {
  const wanted = typeof expected === 'string' ? NON_FINITE[expected] : expected;
  if (typeof wanted !== 'number') return false;
  return Object.is(wanted, actual) || Math.abs(wanted - actual) <= TOLERANCE;
}
