import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { ModelFormatError, throwIfAborted } from '@pocketlens/backend';
import type { ModelSource } from '@pocketlens/backend';
import { readManifest } from '@pocketlens/backend-onnx';

const PIECE_BYTES = 1024 * 1024;

/**
 * Compares size and sha256 of every file of a model with its manifest. The hash is computed here, because browsers offer
 * theirs to secure pages only, and for whole files.
 *
 * @throws {ModelFormatError} `MODEL_CHECKSUM`, `MODEL_FILE_SIZE` or `MODEL_FILE_MISSING` for the first file that differs
 * @throws {AbortError} `ABORTED`
 */
export async function verifyFiles(source: ModelSource, signal: AbortSignal | undefined): Promise<void> {
  const { files } = await readManifest(source);
  for (const { path, size, sha256: expected } of files) {
    const actual = await hashFile(source, { path, size }, signal);
    if (actual !== expected) {
      throw new ModelFormatError(
        'MODEL_CHECKSUM',
        `${path} in ${source.name} is not the file that the manifest describes`,
        {
          hint: 'The file is damaged or altered: convert or download the model again.',
          details: { path, expected, actual },
        },
      );
    }
  }
}

async function hashFile(
  source: ModelSource,
  { path, size }: { readonly path: string; readonly size: number },
  signal: AbortSignal | undefined,
): Promise<string> {
  const file = await source.open(path);
  try {
    if (file.size !== size) {
      throw new ModelFormatError(
        'MODEL_FILE_SIZE',
        `${path} in ${source.name} has ${file.size} bytes, expected ${size}`,
        { hint: 'The file is cut or altered: convert or download the model again.', details: { path } },
      );
    }
    const hash = sha256.create();
    for (let offset = 0; offset < size; offset += PIECE_BYTES) {
      throwIfAborted(signal);
      hash.update(await file.read(offset, Math.min(PIECE_BYTES, size - offset)));
    }
    return bytesToHex(hash.digest());
  } finally {
    await file.close();
  }
}
