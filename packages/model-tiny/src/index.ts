import { fileURLToPath } from 'node:url';

/** Absolute path of the embedded model's directory, ready for `openModel`. */
export const modelDirectory: string = fileURLToPath(new URL('../model', import.meta.url));
