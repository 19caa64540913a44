import type { ModelFile, ModelSource } from '@pocketlens/backend';
import { BlobFile } from './blob-file.js';
import { fileMissing, pathSegments } from './model-path.js';

/** The `FileSystemDirectoryHandle` of browsers, as far as it is used here. */
export interface DirectoryHandle {
  readonly name: string;
  getDirectoryHandle(name: string): Promise<DirectoryHandle>;
  getFileHandle(name: string): Promise<{ getFile(): Promise<Blob> }>;
}

/** A model in a folder that `showDirectoryPicker()` has given, or in the browser's own file system. */
export class DirectoryHandleSource implements ModelSource {
  readonly name: string;
  readonly #root: DirectoryHandle;

  constructor(root: DirectoryHandle) {
    this.#root = root;
    this.name = root.name === '' ? "the browser's file system" : root.name;
  }

  async open(path: string): Promise<ModelFile> {
    const segments = pathSegments(path, this.name);
    try {
      let folder = this.#root;
      for (const segment of segments.slice(0, -1)) folder = await folder.getDirectoryHandle(segment);
      const handle = await folder.getFileHandle(segments.at(-1)!);
      return new BlobFile(await handle.getFile(), path);
    } catch (error) {
      throw fileMissing(path, this.name, describe(error), error);
    }
  }
}

function describe(error: unknown): string {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotFoundError':
      return 'is missing';
    case 'TypeMismatchError':
      return 'is not a file';
    case 'NotAllowedError':
      return 'may not be read: the permission for the folder is gone, choose it again';
    default:
      return `cannot be opened (${name || String(error)})`;
  }
}
