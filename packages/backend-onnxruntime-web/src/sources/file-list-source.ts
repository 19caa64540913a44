import { InvalidArgumentError } from '@pocketlens/backend';
import type { ModelFile, ModelSource } from '@pocketlens/backend';
import { BlobFile } from './blob-file.js';
import { fileMissing, pathSegments } from './model-path.js';

/** A `File` of a browser; `webkitRelativePath` is there when a folder was chosen. */
export interface ListedFile extends Blob {
  readonly name: string;
  readonly webkitRelativePath?: string;
}

/**
 * A model of the files that somebody has chosen: a folder (`<input type="file" webkitdirectory>`), or files one by one or
 * dropped, which are then found by their names alone.
 */
export class FileListSource implements ModelSource {
  readonly name: string;
  readonly #files = new Map<string, Blob>();
  readonly #isFolder: boolean;

  /**
   * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for no files, or two that cannot be told apart
   */
  constructor(files: Iterable<ListedFile>) {
    const listed = [...files];
    const folder = listed[0]?.webkitRelativePath?.split('/')[0] ?? '';
    this.#isFolder = folder !== '';
    this.name = this.#isFolder ? folder : 'the chosen files';
    if (listed.length === 0) throw new InvalidArgumentError('ARGUMENT_RANGE', 'no files were chosen');
    for (const file of listed) {
      const path = this.#isFolder ? (file.webkitRelativePath ?? '').slice(folder.length + 1) : file.name;
      if (this.#files.has(path)) {
        throw new InvalidArgumentError('ARGUMENT_RANGE', `two of the chosen files are called ${path}`, {
          hint: 'Choose the folder of one model.',
        });
      }
      this.#files.set(path, file);
    }
  }

  async open(path: string): Promise<ModelFile> {
    const segments = pathSegments(path, this.name);
    const file = this.#files.get(this.#isFolder ? path : segments.at(-1)!);
    if (file === undefined) throw fileMissing(path, this.name, 'is missing');
    return new BlobFile(file, path);
  }
}
