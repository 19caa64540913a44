import { createHash } from 'node:crypto';
import { ModelFormatError, throwIfAborted } from '@pocketlens/backend';
import type { ModelSource } from '@pocketlens/backend';
import { readManifest } from '@pocketlens/backend-onnx';
import { DirectorySource } from '@pocketlens/backend-onnx/node';

const BLOCK_BYTES = 4 * 1024 * 1024;

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: {
    readonly path: string;
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
}

/**
 * Compares the sha256 of every file of a model with its manifest.
 *
 * @throws {ModelFormatError} `MODEL_CHECKSUM`, `MODEL_FILE_SIZE` or `MODEL_FILE_MISSING` for the first file that differs
 * @throws {AbortError} `ABORTED`
 */
export async function verifyModel(source: string | ModelSource, options: VerifyOptions = {}): Promise<void> {
  const files = typeof source === 'string' ? new DirectorySource(source) : source;
  const manifest = await readManifest(files);
  for (const { path, size, sha256 } of manifest.files) {
    const actual = await hashFile(files, path, size, options);
    if (actual !== sha256) {
      throw new ModelFormatError(
        'MODEL_CHECKSUM',
        `${path} in ${files.name} is not the file that the manifest describes`,
        {
          hint: 'The file is damaged or altered: convert or download the model again.',
          details: { path, expected: sha256, actual },
        },
      );
    }
  }
}

async function hashFile(source: ModelSource, path: string, size: number, options: VerifyOptions): Promise<string> {
  const file = await source.open(path);
  try {
    if (file.size !== size) {
      throw new ModelFormatError(
        'MODEL_FILE_SIZE',
        `${path} in ${source.name} has ${file.size} bytes, expected ${size}`,
        {
          hint: 'The file is cut or altered: convert or download the model again.',
          details: { path },
        },
      );
    }
    const hash = createHash('sha256');
    for (let offset = 0; offset < size; offset += BLOCK_BYTES) {
      throwIfAborted(options.signal);
      const length = Math.min(BLOCK_BYTES, size - offset);
      hash.update(await file.read(offset, length));
      options.onProgress?.({ path, doneBytes: offset + length, totalBytes: size });
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}
