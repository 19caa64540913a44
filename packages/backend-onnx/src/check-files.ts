import { ModelFormatError } from '@pocketlens/backend';
import type { ModelSource } from '@pocketlens/backend';
import { MANIFEST_FILE } from './manifest.js';
import type { Manifest, ManifestFile, ModelPart } from './manifest.js';

/** Small JSON files that people edit; each is parsed strictly where it is used. */
const EDITABLE = new Set(['config.json', 'generation_config.json', 'preprocessor_config.json']);
/** Files that say something to people and nothing to the program. */
const PROSE = /(^|\/)(licen[cs]e|notice|[^/]*\.md)[^/]*$/i;

/**
 * Compares the size of every file that will be used with the manifest, before anything is opened.
 *
 * @throws {ModelFormatError} `MODEL_FILE_MISSING` or `MODEL_FILE_SIZE` with the file's name and both sizes
 */
export async function checkFileSizes(
  source: ModelSource,
  manifest: Manifest,
  used: readonly ModelPart[],
): Promise<void> {
  for (const { path, size } of filesToCheck(manifest, used)) {
    const file = await source.open(path);
    await file.close();
    if (file.size !== size) {
      throw new ModelFormatError(
        'MODEL_FILE_SIZE',
        `${path} in ${source.name} has ${file.size} bytes, ${MANIFEST_FILE} says ${size}`,
        { hint: 'The file is cut or altered: convert or download the model again.', details: { path } },
      );
    }
  }
}

function filesToCheck(manifest: Manifest, used: readonly ModelPart[]): readonly ManifestFile[] {
  const needed = new Set(used.flatMap((part) => [part.file, ...part.externalData]));
  const unused = new Set(manifest.parts.flatMap((part) => [part.file, ...part.externalData]));
  for (const path of needed) unused.delete(path);
  return manifest.files.filter(({ path }) => !unused.has(path) && !EDITABLE.has(path) && !PROSE.test(path));
}
