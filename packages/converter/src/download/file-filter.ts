import { preview } from '../json.js';
import { DownloadError } from './errors.js';
import { matcher } from './glob.js';

/** Which files of a repository are meant. */
export interface FileSelection {
  /** Exact names. */
  readonly files?: readonly string[] | undefined;
  /** Patterns; a file that matches one of them is taken. */
  readonly include?: readonly string[] | undefined;
  /** Patterns; a file that matches one of them is left out. */
  readonly exclude?: readonly string[] | undefined;
}

/**
 * The files that a selection means, in the order of the listing.
 *
 * @throws {DownloadError} `DOWNLOAD_FILE_UNKNOWN` when a named file is missing or nothing is left
 */
export function selectFiles<T extends { readonly path: string }>(
  all: readonly T[],
  { files, include, exclude }: FileSelection,
  repository: string,
): readonly T[] {
  const known = new Set(all.map(({ path }) => path));
  const missing = files?.filter((path) => !known.has(path)) ?? [];
  if (missing.length > 0) throw unknownFiles(missing.map(preview).join(', '), all, repository);
  const named = files === undefined ? undefined : new Set(files);
  const included = include?.map(matcher);
  const excluded = exclude?.map(matcher) ?? [];
  const selected = all.filter(
    ({ path }) =>
      (named === undefined || named.has(path)) &&
      (included === undefined || included.some((matches) => matches(path))) &&
      !excluded.some((matches) => matches(path)),
  );
  if (selected.length === 0) throw unknownFiles('a file that matches', all, repository);
  return selected;
}

function unknownFiles(what: string, all: readonly { readonly path: string }[], repository: string): DownloadError {
  const first = all.slice(0, 10).map(({ path }) => path);
  const rest = all.length > first.length ? `, and ${all.length - first.length} more` : '';
  return new DownloadError('DOWNLOAD_FILE_UNKNOWN', `${repository} does not have ${what}`, {
    hint: first.length === 0 ? 'The repository is empty.' : `It has: ${first.join(', ')}${rest}.`,
  });
}
