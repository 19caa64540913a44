import { ModelNotFoundError } from '../errors.js';
import { cachedModel } from './cached-model.js';

/** Models that come as packages, by name. */
const PACKAGED_MODELS: ReadonlyMap<string, string> = new Map([['tiny', '@pocketlens/model-tiny']]);

/**
 * The folder of a model: a path as it is, a name through its package, `org/name` in the Hugging Face cache.
 *
 * @throws {ModelNotFoundError} `MODEL_UNKNOWN` when there is no such folder or package, or what the cache holds is a
 *   checkpoint that has not been converted
 */
export async function locateModel(directoryOrName: string): Promise<string> {
  const packageName = PACKAGED_MODELS.get(directoryOrName);
  if (packageName !== undefined) return packagedModel(directoryOrName, packageName);
  const { stat } = await import('node:fs/promises');
  const status = await stat(directoryOrName).catch(() => undefined);
  if (status?.isDirectory() === true) return directoryOrName;
  const cached = status === undefined ? await cachedModel(directoryOrName) : undefined;
  if (cached !== undefined) return convertedModel(directoryOrName, cached);
  const what = status === undefined ? 'there is no such folder' : 'it is a file, a folder was expected';
  throw new ModelNotFoundError(`no model at ${directoryOrName}: ${what}`, {
    hint: `Give the folder of a converted model, org/name as \`pocketlens pull\` has fetched it, or one of these names: ${[...PACKAGED_MODELS.keys()].join(', ')}.`,
    details: { model: directoryOrName, known: [...PACKAGED_MODELS.keys()] },
  });
}

async function convertedModel(name: string, directory: string): Promise<string> {
  const { stat } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const manifest = await stat(join(directory, 'pocketlens.json')).catch(() => undefined);
  if (manifest?.isFile() === true) return directory;
  throw new ModelNotFoundError(`${name} is in the cache, but as a checkpoint that has not been converted`, {
    hint: `Run \`pocketlens convert "${directory}" ./model\`, and give ./model as the model.`,
    details: { model: name, checkpoint: directory },
  });
}

async function packagedModel(name: string, packageName: string): Promise<string> {
  try {
    // The package's only contract here is this one export, checked below.
    const module = (await import(/* @vite-ignore */ packageName)) as { readonly modelDirectory?: string };
    if (typeof module.modelDirectory === 'string') return module.modelDirectory;
    throw new TypeError(`${packageName} has no modelDirectory`);
  } catch (cause) {
    throw new ModelNotFoundError(`the model ${name} comes with ${packageName}, which cannot be loaded`, {
      cause,
      hint: `Run \`npm i ${packageName}\`.`,
    });
  }
}
