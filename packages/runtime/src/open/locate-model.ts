import { ModelNotFoundError } from '../errors.js';

/** Models that come as packages, by name. */
const PACKAGED_MODELS: ReadonlyMap<string, string> = new Map([['tiny', '@pocketlens/model-tiny']]);

/**
 * The folder of a model: a path as it is, a name through its package.
 *
 * @throws {ModelNotFoundError} `MODEL_UNKNOWN` when there is no such folder or package
 */
export async function locateModel(directoryOrName: string): Promise<string> {
  const packageName = PACKAGED_MODELS.get(directoryOrName);
  if (packageName !== undefined) return packagedModel(directoryOrName, packageName);
  const { stat } = await import('node:fs/promises');
  const status = await stat(directoryOrName).catch(() => undefined);
  if (status?.isDirectory() === true) return directoryOrName;
  const what = status === undefined ? 'there is no such folder' : 'it is a file, a folder was expected';
  throw new ModelNotFoundError(`no model at ${directoryOrName}: ${what}`, {
    hint: `Give the folder of a converted model, or one of these names: ${[...PACKAGED_MODELS.keys()].join(', ')}.`,
    details: { model: directoryOrName, known: [...PACKAGED_MODELS.keys()] },
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
