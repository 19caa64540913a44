import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';

/** Reads the key-value pairs of a GGUF file, each with its check. */
export class GgufMetadata {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #label: string;

  constructor(values: ReadonlyMap<string, unknown>, label: string) {
    this.#values = values;
    this.#label = label;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  value(key: string): unknown {
    return this.#values.get(key);
  }

  integer(key: string, fallback?: number): number {
    const value = this.#values.get(key) ?? fallback;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
    throw this.#error(key, 'a whole number', value);
  }

  /** A float32 as the shortest decimal that is rounded to it: 1e-5, not 0.000009999999747378752. */
  decimal(key: string, fallback?: number): number {
    const value = this.#values.get(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#error(key, 'a number', value);
    for (let digits = 1; digits < 9; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === Math.fround(value)) return short;
    }
    return value;
  }

  string(key: string, fallback?: string): string {
    const value = this.#values.get(key) ?? fallback;
    if (typeof value === 'string') return value;
    throw this.#error(key, 'a string', value);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#values.get(key) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.#error(key, 'true or false', value);
  }

  strings(key: string): readonly string[] {
    const value = this.#values.get(key);
    if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
    throw this.#error(key, 'a list of strings', value);
  }

  numbers(key: string): readonly number[] {
    const value = this.#values.get(key);
    if (Array.isArray(value) && value.every((item): item is number => typeof item === 'number')) return value;
    throw this.#error(key, 'a list of numbers', value);
  }

  #error(key: string, expected: string, value: unknown): ModelFormatError {
    const shown = typeof value === 'bigint' ? String(value) : preview(value);
    return new ModelFormatError('MODEL_CONFIG', `${this.#label}: ${key} must be ${expected}, got ${shown}`);
  }
}
