import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunManifest } from '@pocketlens/evaluation';
import { locateModelFor, type ModelOptions } from '../model-options.js';

/** Options that name a model, here or on a server. */
export interface NamedModel extends ModelOptions {
  readonly provider?: string;
  readonly baseUrl?: string;
  readonly dialect?: string;
}

/** What a manifest says of the model that these options name; the model is not opened. */
export async function describeModel(options: NamedModel): Promise<RunManifest['model']> {
  const { model, provider = 'local', baseUrl, dialect, dtype, prefillDtype, threads, memory } = options;
  if (provider !== 'local')
    return { name: model, provider, location: baseUrl ?? '', sha256: null, options: { ...(dialect && { dialect }) } };
  const opened = Object.entries({ dtype, prefillDtype, threads, memory });
  const directory = locateModelFor(options);
  const manifest = await readFile(path.join(directory, 'pocketlens.json')).catch(() => undefined);
  return {
    name: manifest === undefined ? model : nameOf(manifest.toString(), model),
    provider,
    // The embedded model is found by its name, on every machine.
    location: directory === model && manifest !== undefined ? path.resolve(model) : model,
    // A model of the hub's cache is located when it is opened.
    sha256: manifest === undefined ? null : createHash('sha256').update(manifest).digest('hex'),
    options: Object.fromEntries(opened.filter((entry) => entry[1] !== undefined)) as Record<string, string | number>,
  };
}

function nameOf(manifest: string, otherwise: string): string {
  try {
    const { model } = JSON.parse(manifest) as { model?: { name?: unknown } };
    return typeof model?.name === 'string' ? model.name : otherwise;
  } catch {
    return otherwise;
  }
}
