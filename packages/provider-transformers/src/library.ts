import type * as transformers from '@huggingface/transformers';
import { BackendError } from '@pocketlens/backend';

/** transformers.js, loaded when a model is opened: it takes a second and its native library. */
export type Library = typeof transformers;

/** @throws {BackendError} `BACKEND_MISSING` */
export async function loadLibrary(): Promise<Library> {
  try {
    return await import('@huggingface/transformers');
  } catch (cause) {
    throw new BackendError('BACKEND_MISSING', '@huggingface/transformers cannot be loaded', {
      cause,
      hint: 'Run `npm install` again on this machine: its native library comes per platform.',
    });
  }
}
