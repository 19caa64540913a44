import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { GenerationSettings, Json } from '../benchmarks/benchmark.js';
import { EvaluationError } from '../errors.js';
import { PROMPT_STYLES, type PromptStyle } from '../prompts/parts.js';

const FORMAT = 'pocketlens-run';
const FORMAT_VERSION = 1;
const LARGEST_MANIFEST_BYTES = 1_000_000;

/** Everything that decides what a run answers, so that it can be repeated, and told apart from others. */
export interface RunManifest {
  readonly format: typeof FORMAT;
  readonly formatVersion: typeof FORMAT_VERSION;
  readonly benchmark: string;
  readonly data: {
    /** Absolute path; null for data that comes with the package. */
    readonly file: string | null;
    readonly samples: number;
    /** `dataDigest` of all samples, pictures included. */
    readonly sha256: string;
  };
  readonly model: {
    readonly name: string;
    /** `local`, or the protocol of the server that answered. */
    readonly provider: string;
    /** Directory or address. */
    readonly location: string;
    /** SHA-256 of the model's own manifest, which holds that of every file; null where nobody can know, as for a server. */
    readonly sha256: string | null;
    /** What can be known of a model behind a server; absent for others. */
    readonly served?: ServedModel;
    /** How it was opened: weights, threads, protocol. */
    readonly options: Readonly<Record<string, Json>>;
  };
  readonly settings: {
    readonly promptStyle: PromptStyle;
    /** What replaced the benchmark's own settings; empty for none. */
    readonly generation: Partial<GenerationSettings>;
    /** Most samples asked; null for all. */
    readonly limit: number | null;
    /** Seed of the choice of samples; null for those from the start. */
    readonly seed: number | null;
  };
  /** Name and version of what took part. */
  readonly versions: Readonly<Record<string, string>>;
  /** Date and time, ISO 8601. */
  readonly startedAt: string;
}

/** A model behind a server: no digest of its weights can be had, only of what the server says of it. */
export interface ServedModel {
  /** Host and port. */
  readonly host: string;
  /** The model's name there. */
  readonly id: string;
  /** What the server says of it, as `root` and `max_model_len`; empty where it says nothing. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** SHA-256 of name and facts: another one is another model, or another server program. An equal one proves nothing. */
  readonly sha256: string;
}

/** Describes a model behind a server by what is known of it. */
export function servedModel(fields: Omit<ServedModel, 'sha256'>): ServedModel {
  const facts = Object.entries(fields.facts).sort(([a], [b]) => (a < b ? -1 : 1));
  const sha256 = createHash('sha256')
    .update(JSON.stringify([fields.id, facts]))
    .digest('hex');
  return { ...fields, facts: Object.fromEntries(facts), sha256 };
}

/** Completes a manifest with its format. */
export function createRunManifest(fields: Omit<RunManifest, 'format' | 'formatVersion'>): RunManifest {
  return { format: FORMAT, formatVersion: FORMAT_VERSION, ...fields };
}

/** Where the manifest of a predictions file lies: `NAME.manifest.json` beside `NAME.jsonl`. */
export function manifestFileOf(predictions: string): string {
  return `${predictions.replace(/\.jsonl$/, '')}.manifest.json`;
}

/** Writes a manifest whole or not at all. */
export async function writeRunManifest(file: string, manifest: RunManifest): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.part`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Reads a manifest.
 *
 * @returns undefined when there is no such file
 * @throws {EvaluationError} `MANIFEST_FORMAT` naming the field that is wrong
 */
export async function readRunManifest(file: string): Promise<RunManifest | undefined> {
  let text: string;
  try {
    text = await readBounded(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseManifest(file, text);
}

async function readBounded(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size > LARGEST_MANIFEST_BYTES) throw wrong(file, `at most ${LARGEST_MANIFEST_BYTES} bytes`, `${size}`);
  } finally {
    await handle.close();
  }
  return readFile(file, 'utf8');
}

type Kind = 'text' | 'text or null' | 'whole number' | 'whole number or null' | 'object' | 'object or nothing';

const FIELDS: readonly (readonly [path: string, kind: Kind])[] = [
  ['benchmark', 'text'],
  ['data', 'object'],
  ['data.file', 'text or null'],
  ['data.samples', 'whole number'],
  ['data.sha256', 'text'],
  ['model', 'object'],
  ['model.name', 'text'],
  ['model.provider', 'text'],
  ['model.location', 'text'],
  ['model.sha256', 'text or null'],
  ['model.options', 'object'],
  ['model.served', 'object or nothing'],
  ['settings', 'object'],
  ['settings.generation', 'object'],
  ['settings.limit', 'whole number or null'],
  ['settings.seed', 'whole number or null'],
  ['versions', 'object'],
  ['startedAt', 'text'],
];

function parseManifest(file: string, text: string): RunManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(file, 'JSON', 'something else', cause);
  }
  if (at(value, 'format') !== FORMAT || at(value, 'formatVersion') !== FORMAT_VERSION) {
    throw wrong(file, `format "${FORMAT}" version ${FORMAT_VERSION}`, describe(at(value, 'formatVersion')));
  }
  for (const [path, kind] of FIELDS) {
    if (!isOfKind(at(value, path), kind)) throw wrong(file, `a ${kind} as "${path}"`, describe(at(value, path)));
  }
  if (!(PROMPT_STYLES as readonly unknown[]).includes(at(value, 'settings.promptStyle'))) {
    throw wrong(
      file,
      `${PROMPT_STYLES.join(' or ')} as "settings.promptStyle"`,
      describe(at(value, 'settings.promptStyle')),
    );
  }
  return value as RunManifest;
}

function at(value: unknown, path: string): unknown {
  let here = value;
  for (const key of path.split('.')) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = Object.entries(here).find(([name]) => name === key)?.[1];
  }
  return here;
}

function isOfKind(value: unknown, kind: Kind): boolean {
  if (kind.endsWith(' or null') && value === null) return true;
  if (kind.endsWith(' or nothing') && value === undefined) return true;
  if (kind.startsWith('text')) return typeof value === 'string';
  if (kind.startsWith('whole number')) return Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  return value === undefined ? 'none' : (JSON.stringify(value).slice(0, 80) ?? 'none');
}

function wrong(file: string, expected: string, actual: string, cause?: unknown): EvaluationError {
  return new EvaluationError('MANIFEST_FORMAT', `Expected ${expected} in ${file}, got ${actual}.`, {
    ...(cause !== undefined && { cause }),
    hint: 'The file is written by `pocketlens eval run`, as NAME.manifest.json beside the predictions.',
  });
}
