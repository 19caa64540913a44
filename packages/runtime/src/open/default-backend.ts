import { BackendError } from '@pocketlens/backend';
import type { BackendV1 } from '@pocketlens/backend';

const PACKAGE: string = '@pocketlens/backend-onnxruntime-node';

/**
 * The backend that is used when none is given. It is imported by a name that bundlers do not follow, so that the
 * native library comes only where it is wanted.
 *
 * @throws {BackendError} `BACKEND_MISSING`
 */
export async function loadDefaultBackend(): Promise<BackendV1> {
  let module: { readonly onnxruntimeNode?: () => BackendV1 };
  try {
    // The package's only contract here is this one export, checked below.
    module = (await import(/* @vite-ignore */ PACKAGE)) as typeof module;
  } catch (cause) {
    throw new BackendError('BACKEND_MISSING', `no backend was given and ${PACKAGE} cannot be loaded`, {
      cause,
      hint: `Run \`npm i ${PACKAGE}\`, or pass { backend }.`,
    });
  }
  if (typeof module.onnxruntimeNode === 'function') return module.onnxruntimeNode();
  throw new BackendError('BACKEND_MISSING', `${PACKAGE} has no onnxruntimeNode`, { hint: 'Update both packages.' });
}
