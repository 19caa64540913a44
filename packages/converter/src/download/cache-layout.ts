import { join } from 'node:path';
import { resolveInside } from '../paths.js';

/**
 * Places of one model repository in the Hugging Face cache, which other programs share.
 *
 * @source huggingface_hub, `file_download.py`, `_tree_cache.py`
 */
export class CacheLayout {
  /** `models--org--name` */
  readonly folder: string;
  readonly #locks: string;

  constructor(cacheDirectory: string, repository: string) {
    const name = ['models', ...repository.split('/')].join('--');
    this.folder = join(cacheDirectory, name);
    this.#locks = join(cacheDirectory, '.locks', name);
  }

  get blobs(): string {
    return join(this.folder, 'blobs');
  }

  /** A file's bytes, named by their hash. */
  blob(name: string): string {
    return join(this.blobs, name);
  }

  /** The bytes that have arrived so far. */
  incomplete(name: string): string {
    return join(this.blobs, `${name}.incomplete`);
  }

  /** The `ETag` under which the bytes so far were sent. */
  validator(name: string): string {
    return join(this.blobs, `${name}.incomplete.etag`);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** A file under its own name. */
  file(commit: string, path: string): string {
    return resolveInside(this.snapshot(commit), path);
  }

  /** The commit of a branch or tag when it was last downloaded. */
  reference(revision: string): string {
    return resolveInside(join(this.folder, 'refs'), revision);
  }

  /** The files of a commit. */
  tree(commit: string): string {
    return join(this.folder, 'trees', `${commit}.json`);
  }

  /** Held while a blob is written. Python locks `{name}.lock` with flock, which Node.js lacks. */
  lock(name: string): string {
    return join(this.#locks, `${name}.pocketlens.lock`);
  }
}
