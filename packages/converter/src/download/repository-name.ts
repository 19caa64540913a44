import { InvalidArgumentError } from '../errors.js';
import { preview } from '../json.js';

const NAME = /^(?:[\w-][\w.-]*\/)?[\w-][\w.-]{0,95}$/;
const COMMIT = /^[0-9a-f]{40}$/;
const MAX_REVISION = 255;

/**
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE`
 * @source huggingface_hub, `utils/_validators.py` `validate_repo_id`
 */
export function checkRepository(name: string): void {
  if (NAME.test(name) && !/--|\.\.|\.git$/.test(name)) return;
  throw new InvalidArgumentError('ARGUMENT_TYPE', `${preview(name)} is not the name of a repository`, {
    hint: 'Give it as ORGANISATION/NAME, for example openbmb/MiniCPM-Llama3-V-2_5.',
  });
}

/**
 * A branch, a tag or a commit; it becomes a file name below `refs`.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_TYPE`
 * @source git, `git-check-ref-format`
 */
export function checkRevision(revision: string): void {
  const isReference =
    revision.length <= MAX_REVISION &&
    /^[\w.+@=/-]+$/.test(revision) &&
    revision.split('/').every((segment) => segment !== '' && !segment.startsWith('.') && !segment.endsWith('.')) &&
    !revision.includes('..');
  if (isReference) return;
  throw new InvalidArgumentError('ARGUMENT_TYPE', `${preview(revision)} is not a branch, a tag or a commit`);
}

/** Whether a revision is a full commit hash, which never moves. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}
