import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import type { GraphDefinition } from './graphs/builder.js';

/** To be raised when a conversion writes other bytes than before for the same graphs. */
const WORK_VERSION = 1;

export interface ConversionWork {
  /** Every file that is read, as paths. */
  readonly files: readonly string[];
  /** Options that change what is written. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Effective config. */
  readonly config: unknown;
  readonly graphs: readonly GraphDefinition[];
}

/**
 * Identifies a conversion: unfinished work of one with the same fingerprint can be gone on with. Of the source's files
 * place, size and times count; they are not read.
 */
export async function fingerprintOf({ files, settings, config, graphs }: ConversionWork): Promise<string> {
  const sources: unknown[] = [];
  for (const file of files) {
    const path = await realpath(file);
    const { size, mtimeMs, ctimeMs } = await stat(path);
    sources.push([path, size, mtimeMs, ctimeMs]);
  }
  const weights = graphs.map((graph) => graph.weights.map(({ name, dataType, shape }) => [name, dataType, shape]));
  const work = [WORK_VERSION, sources, settings, config, weights];
  return createHash('sha256').update(JSON.stringify(work)).digest('hex');
}
