import type { Json } from '../benchmarks/benchmark.js';
import { readLineBatches } from '../data/lines.js';
import { CasesError } from '../errors.js';

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** One scoring case of a file. */
export interface ScoringCase {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly id: string;
  /** The case as it stands. */
  readonly value: JsonObject;
  /** The same with every number as the text that Python prints for it ("1.0" stays apart from "1"). */
  readonly texts: JsonObject;
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Reads a file of scoring cases, one JSON object a line.
 *
 * @throws {CasesError} `CASES_FORMAT` naming the line that is not a JSON object
 */
export async function readCases(file: string): Promise<ScoringCase[]> {
  const cases: ScoringCase[] = [];
  try {
    for await (const { first, lines } of readLineBatches(file)) {
      for (const [at, text] of lines.entries()) {
        if (text.trim() === '') continue;
        const line = first + at;
        const value = parseObject(text, line, file);
        const id = typeof value['id'] === 'string' ? value['id'] : `line ${line}`;
        cases.push({ line, id, value, texts: parseObject(numbersAsTexts(text), line, file) });
      }
    }
  } catch (cause) {
    if (cause instanceof CasesError) throw cause;
    throw new CasesError('CASES_FORMAT', `Cannot read the cases file ${file}.`, { cause });
  }
  return cases;
}

/** A field that must be a text. */
export function textField(object: JsonObject, name: string): string {
  const value = object[name];
  return typeof value === 'string' ? value : fail(`a text in "${name}"`, value);
}

/** A field that must be an object. */
export function objectField(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : fail(`an object in "${name}"`, value);
}

/** A field that must be a list. */
export function listField(object: JsonObject, name: string): readonly Json[] {
  const value = object[name];
  return Array.isArray(value) ? value : fail(`a list in "${name}"`, value);
}

/** Says whether a value is a JSON object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a list of texts. */
export function textList(values: readonly Json[]): string[] {
  return values.map((value) => (typeof value === 'string' ? value : fail('a text in a list', value)));
}

function fail(expected: string, value: unknown): never {
  throw new CasesError(
    'CASES_FORMAT',
    `Expected ${expected} of a scoring case, got ${JSON.stringify(value) ?? 'nothing'}.`,
  );
}

function numbersAsTexts(json: string): string {
  return json.replaceAll(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`));
}

function parseObject(json: string, line: number, file: string): JsonObject {
  let value: Json | undefined;
  try {
    value = JSON.parse(json) as Json;
  } catch (cause) {
    throw new CasesError('CASES_FORMAT', `Expected a JSON object in line ${line} of ${file}.`, { cause });
  }
  if (!isObject(value)) throw new CasesError('CASES_FORMAT', `Expected a JSON object in line ${line} of ${file}.`);
  return value;
}
