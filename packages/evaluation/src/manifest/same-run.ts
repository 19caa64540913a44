import { EvaluationError } from '../errors.js';
import type { RunManifest } from './run-manifest.js';

/** A setting in which two manifests differ. */
export interface ManifestDifference {
  /** Path of the field, as `model.sha256`. */
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

/** Which questions were asked: two runs can be compared only where these are equal. */
export function differencesOfData(expected: RunManifest, actual: RunManifest): ManifestDifference[] {
  return differences([
    ['benchmark', expected.benchmark, actual.benchmark],
    ['data.sha256', expected.data.sha256, actual.data.sha256],
  ]);
}

/** What decides the answers: a run is a repetition only where these are equal. Samples asked for and versions are not. */
export function differencesOfAnswers(expected: RunManifest, actual: RunManifest): ManifestDifference[] {
  return [
    ...differencesOfData(expected, actual),
    ...differences([
      ['model.name', expected.model.name, actual.model.name],
      ['model.provider', expected.model.provider, actual.model.provider],
      ['model.sha256', expected.model.sha256, actual.model.sha256],
      ...servedBy(expected.model, actual.model),
      ['model.options', sorted(expected.model.options), sorted(actual.model.options)],
      ['settings.promptStyle', expected.settings.promptStyle, actual.settings.promptStyle],
      ['settings.generation', sorted(expected.settings.generation), sorted(actual.settings.generation)],
      ['settings.seed', expected.settings.seed, actual.settings.seed],
    ]),
  ];
}

type Model = RunManifest['model'];

// Where the server is does not matter, and one that says nothing, or did not answer, is no contradiction.
function servedBy({ served: a }: Model, { served: b }: Model): [string, unknown, unknown][] {
  if (!a || !b) return [];
  const names = Object.keys(a.facts).filter((name) => Object.hasOwn(b.facts, name));
  return names.map((name) => [`model.served.facts.${name}`, a.facts[name], b.facts[name]]);
}

/** Versions that are not those of an earlier run: they may change answers in their last digits. */
export function differencesOfVersions(expected: RunManifest, actual: RunManifest): ManifestDifference[] {
  const names = [...new Set([...Object.keys(expected.versions), ...Object.keys(actual.versions)])];
  return differences(names.map((name) => [`versions.${name}`, expected.versions[name], actual.versions[name]]));
}

/**
 * Refuses to go on with, or to repeat, a run of something else.
 *
 * @throws {EvaluationError} `MANIFEST_MISMATCH` naming every field that differs
 */
export function requireSameAnswers(expected: RunManifest, actual: RunManifest, hint: string): void {
  const found = differencesOfAnswers(expected, actual);
  if (found.length === 0) return;
  throw new EvaluationError('MANIFEST_MISMATCH', `Expected the settings of the earlier run: ${listed(found)}.`, {
    hint,
    details: { differences: found },
  });
}

/** One line for people. */
export function listed(found: readonly ManifestDifference[]): string {
  return found.map(({ field, expected, actual }) => `${field} was ${expected}, is ${actual}`).join('; ');
}

function differences(fields: readonly (readonly [string, unknown, unknown])[]): ManifestDifference[] {
  return fields
    .map(([field, expected, actual]) => ({ field, expected: shown(expected), actual: shown(actual) }))
    .filter(({ expected, actual }) => expected !== actual);
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}

function sorted(fields: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))));
}
