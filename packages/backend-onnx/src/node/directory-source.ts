import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { ModelFormatError } from '@pocketlens/backend';
import type { ModelFile, ModelSource } from '@pocketlens/backend';

/** A model in a folder of the file system. */
export class DirectorySource implements ModelSource {
  /** The folder. */
  readonly name: string;

  constructor(directory: string) {
    this.name = directory;
  }

  async open(path: string): Promise<ModelFile> {
    const located = this.locate(path);
    let handle: FileHandle | undefined;
    try {
      handle = await open(located, 'r');
      const status = await handle.stat();
      if (!status.isFile()) throw missing(path, this.name, 'is not a file');
      return new DirectoryFile(handle, located, status.size);
    } catch (error) {
      await handle?.close();
      if (error instanceof ModelFormatError) throw error;
      throw missing(path, this.name, await describe(error, this.name), error);
    }
  }

  /** The path in the file system. Throws `ModelFormatError` `MODEL_EXTERNAL_PATH` for a path that leaves the folder. */
  locate(path: string): string {
    const relative = normalize(path);
    const isInside = path !== '' && !isAbsolute(relative) && relative.split(sep)[0] !== '..' && !path.includes('\0');
    if (!isInside) {
      throw new ModelFormatError(
        'MODEL_EXTERNAL_PATH',
        `the manifest in ${this.name} names ${JSON.stringify(path)}, outside the folder`,
      );
    }
    return join(this.name, relative);
  }
}

class DirectoryFile implements ModelFile {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.#path = path;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) {
        throw new ModelFormatError(
          'MODEL_FILE_SIZE',
          `${this.#path} ends at byte ${offset + filled}, bytes ${offset}..${offset + length} were expected`,
          { hint: 'The file is cut: convert or download the model again.' },
        );
      }
      filled += bytesRead;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function describe(error: unknown, directory: string): Promise<string> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    const folder = await stat(directory).catch(() => undefined);
    return folder?.isDirectory() === true ? 'is missing' : 'is missing: there is no such folder';
  }
  return code === 'EACCES' ? 'may not be read' : `cannot be opened (${String(code)})`;
}

function missing(path: string, directory: string, why: string, cause?: unknown): ModelFormatError {
  return new ModelFormatError('MODEL_FILE_MISSING', `${path} in ${directory} ${why}`, {
    cause,
    hint: 'A model directory is made by `pocketlens convert SOURCE TARGET`.',
    details: { path, directory },
  });
}
