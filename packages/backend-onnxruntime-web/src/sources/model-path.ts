import { ModelFormatError } from '@pocketlens/backend';

/** The names of folders and file in a path inside a model. Throws `ModelFormatError` `MODEL_EXTERNAL_PATH` for one that leaves it. */
export function pathSegments(path: string, name: string): readonly [string, ...string[]] {
  const [first, ...others] = path.split('/');
  const isInside = [first, ...others].every(
    (segment) =>
      segment !== undefined && segment !== '' && segment !== '.' && segment !== '..' && !/[\\\0]/.test(segment),
  );
  if (isInside && first !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(path)) return [first, ...others];
  throw new ModelFormatError(
    'MODEL_EXTERNAL_PATH',
    `the manifest in ${name} names ${JSON.stringify(path)}, outside the model`,
  );
}

export function fileMissing(path: string, name: string, why: string, cause?: unknown): ModelFormatError {
  return new ModelFormatError('MODEL_FILE_MISSING', `${path} in ${name} ${why}`, {
    cause,
    hint: 'A model directory is made by `pocketlens convert SOURCE TARGET`; all of its files are needed.',
    details: { path, name },
  });
}

/** The error of a read that ends before its length. */
export function fileCut(path: string, end: number, [offset, length]: readonly [number, number]): ModelFormatError {
  return new ModelFormatError(
    'MODEL_FILE_SIZE',
    `${path} ends at byte ${end}, bytes ${offset}..${offset + length} were expected`,
    { hint: 'The file is cut: convert or download the model again.', details: { path } },
  );
}
