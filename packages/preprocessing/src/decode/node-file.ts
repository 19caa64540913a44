import { InvalidArgumentError, InvalidImageError, isPocketlensError, throwIfAborted } from '../errors.js';
import { assertByteLimit } from './image-input.js';
import type { ReadFile, ReadOptions } from './platform.js';

const REASONS: Readonly<
  Record<string, { readonly code: 'IMAGE_NOT_FOUND' | 'IMAGE_UNREADABLE'; readonly words: string }>
> = {
  ENOENT: { code: 'IMAGE_NOT_FOUND', words: 'there is no such file' },
  ENOTDIR: { code: 'IMAGE_NOT_FOUND', words: 'a part of the path is not a folder' },
  EACCES: { code: 'IMAGE_UNREADABLE', words: 'permission denied' },
  EPERM: { code: 'IMAGE_UNREADABLE', words: 'permission denied' },
  EMFILE: { code: 'IMAGE_UNREADABLE', words: 'too many open files' },
};

const fileError = (path: string, error: unknown): InvalidImageError => {
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const { code, words } = REASONS[systemCode] ?? {
    code: 'IMAGE_UNREADABLE' as const,
    words: `system error ${systemCode}`,
  };
  return new InvalidImageError(code, `Cannot read the picture ${JSON.stringify(path)}: ${words}`, {
    hint: code === 'IMAGE_NOT_FOUND' ? 'Check the path' : undefined,
    details: { path, systemCode },
    cause: error,
  });
};

const readRegularFile = async (path: string, { maxBytes, signal }: ReadOptions): Promise<Uint8Array<ArrayBuffer>> => {
  const fs = process.getBuiltinModule('node:fs/promises');
  try {
    // Before opening: to open a pipe would wait for its writer.
    const stats = await fs.stat(path);
    if (!stats.isFile()) {
      const kind = stats.isDirectory() ? 'a folder' : 'not a regular file';
      throw new InvalidImageError(
        'IMAGE_NOT_A_FILE',
        `Expected a picture file but ${JSON.stringify(path)} is ${kind}`,
        { details: { path } },
      );
    }
    assertByteLimit(stats.size, maxBytes);
    throwIfAborted(signal);
    const handle = await fs.open(path, 'r');
    try {
      // The size is bounded by what was checked, even if the file grows meanwhile.
      const bytes = new Uint8Array(stats.size);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
        throwIfAborted(signal);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw isPocketlensError(error) ? error : fileError(path, error);
  }
};

/** A scheme that cannot begin the name of a file that people have, unlike the colon in `IMG:1.png` or `C:\pictures`. */
const URL_START = /^(?:(file|data|blob):|([a-z][a-z\d+.-]+):\/\/)/i;

const pathOf = (input: string | URL): string => {
  const [, opaque, hierarchical] = URL_START.exec(String(input)) ?? [];
  const scheme = (opaque ?? hierarchical)?.toLowerCase();
  if (scheme === undefined) return String(input);
  if (scheme !== 'file') {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `Expected a path or a file: URL for image but received a ${scheme}: URL`,
      { hint: 'Fetch it yourself, within bounds of your own, and pass the bytes', details: { scheme } },
    );
  }
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  try {
    return fileURLToPath(input);
  } catch (cause) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `Expected a file: URL on this machine for image but received ${input}`,
      {
        cause,
      },
    );
  }
};

/**
 * Reads a path or `file:` URL with Node's file system. Its modules are asked for when needed, so that the entry of the package can be
 * loaded anywhere.
 */
export const readNodeFile: ReadFile = (input, options) => readRegularFile(pathOf(input), options);
