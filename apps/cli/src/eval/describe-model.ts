import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type RunManifest, type ServedModel, servedModel } from '@pocketlens/evaluation';
import { locateModel } from '@pocketlens/runtime';
import type { CliIo } from '../io.js';
import { given, locateModelFor, type ModelOptions } from '../model-options.js';
import { openServerModel, type ServerOptions } from '../provider-options.js';

/** Options that name a model, here or on a server. */
export interface NamedModel extends ModelOptions, ServerOptions {
  readonly provider?: string;
}

type Model = RunManifest['model'];

/** What a manifest says of the model that these options name; the model is not opened, and no server is asked. */
export async function describeModel(options: NamedModel): Promise<Model> {
  const { model, provider = 'local', baseUrl, dialect, dtype, prefillDtype, threads, memory } = options;
  if (provider === 'openai')
    return {
      name: model,
      provider,
      location: baseUrl ?? '',
      sha256: null,
      options: given({ dialect }) as Model['options'],
    };
  if (provider !== 'local')
    return {
      name: model,
      provider,
      location: model,
      sha256: null,
      options: given({ dtype, threads }) as Model['options'],
    };
  const opened = given({ dtype, prefillDtype, threads, memory });
  const named = locateModelFor(options);
  // What cannot be found is told when it is opened.
  const directory = await locateModel(named).catch(() => named);
  const manifest = await readFile(path.join(directory, 'pocketlens.json')).catch(() => undefined);
  return {
    name: manifest === undefined ? model : nameOf(manifest.toString(), model),
    provider,
    // The embedded model is found by its name, on every machine.
    location: directory === model && manifest !== undefined ? path.resolve(model) : model,
    sha256: manifest === undefined ? null : createHash('sha256').update(manifest).digest('hex'),
    options: opened as Model['options'],
  };
}

/** Longest wait for what a server says of its model: the run does not depend on it. */
const SERVED_MS = 5000;

/** What can be known of a model behind a server; undefined for other models, and where no address is named. */
export async function describeServed(options: NamedModel, io: CliIo): Promise<ServedModel | undefined> {
  const { provider, model, baseUrl } = options;
  if (provider !== 'openai' || baseUrl === undefined) return undefined;
  const server = openServerModel(model, options, io);
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(SERVED_MS)]);
  // Many servers have no list of models. One that is not there is told when it is asked.
  const facts = await server.describe({ signal }).catch(() => ({}));
  return servedModel({ host: server.host, id: model, facts });
}

function nameOf(manifest: string, otherwise: string): string {
  try {
    const { model } = JSON.parse(manifest) as { model?: { name?: unknown } };
    return typeof model?.name === 'string' ? model.name : otherwise;
  } catch {
    return otherwise;
  }
}
