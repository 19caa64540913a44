import type { AnsweringModel } from '@pocketlens/runtime';
import { CliError, UsageError } from './errors.js';
import type { CliIo } from './io.js';
import { given, type ModelOptions } from './model-options.js';

/** An optional peer: its library is large, and most people never need it. */
const PACKAGE: string = '@pocketlens/provider-transformers';

interface Provider {
  readonly TransformersModel: {
    open(
      directoryOrName: string,
      options: Pick<ModelOptions, 'dtype' | 'threads'> & { readonly signal: AbortSignal },
    ): Promise<AnsweringModel>;
  };
}

/**
 * Opens a model of transformers.js.
 *
 * @throws {CliError} `PROVIDER_MISSING` where the package is not installed
 * @throws {UsageError} for options that only models of this project have
 */
export async function openTransformers(options: ModelOptions, io: CliIo): Promise<AnsweringModel> {
  const { model, dtype, threads, prefillDtype, memory, device } = options;
  if (prefillDtype !== undefined || memory !== undefined || device !== undefined) {
    throw new UsageError('--prefill-dtype, --memory and --device are for models of this project', 'Leave them out.');
  }
  const { TransformersModel } = await loadProvider();
  return TransformersModel.open(model, { ...given({ dtype, threads }), signal: io.signal });
}

async function loadProvider(): Promise<Provider> {
  try {
    // The package's only contract here is this one class.
    return (await import(PACKAGE)) as Provider;
  } catch (cause) {
    throw new CliError('PROVIDER_MISSING', `${PACKAGE} cannot be loaded`, { cause, hint: `Run \`npm i ${PACKAGE}\`.` });
  }
}
