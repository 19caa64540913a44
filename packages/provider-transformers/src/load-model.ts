import type { PreTrainedModel } from '@huggingface/transformers';
import { type Dtype, ModelFormatError } from '@pocketlens/backend';
import { UnsupportedError } from '@pocketlens/runtime';
import { chooseDtypes } from './choose-dtype.js';
import { loadLibrary, type Library } from './library.js';
import type { Checkpoint } from './locate-checkpoint.js';
import { type ModelFacts, readModelFacts } from './model-facts.js';
import { PromptReader } from './prompt-reader.js';

/** A model of the library with all that an answer needs. */
export interface LoadedModel {
  readonly library: Library;
  readonly model: PreTrainedModel;
  readonly prompts: PromptReader;
  readonly facts: ModelFacts;
}

export interface LoadSettings {
  readonly dtype: Dtype | undefined;
  readonly threads: number | undefined;
}

/** ONNX Runtime's severity scale: 3 = errors only, so that nothing else reaches stderr. */
const LOG_ERRORS_ONLY = 3;

/**
 * Opens a checkpoint. Nothing but its folder is read.
 *
 * @throws {UnsupportedError} `UNSUPPORTED` for an architecture that the library does not know as a vision-language model
 * @throws {ModelFormatError} `MODEL_DTYPE`, `MODEL_FILE_MISSING`, `MODEL_CONFIG`
 */
export async function loadModel(checkpoint: Checkpoint, { dtype, threads }: LoadSettings): Promise<LoadedModel> {
  const { directory, config } = checkpoint;
  const library = await loadLibrary();
  const kind = library.AutoModelForImageTextToText;
  const type = String(config['model_type']);
  if (!kind.supports(type)) {
    throw new UnsupportedError(
      'UNSUPPORTED',
      `transformers.js ${library.env.version} has no vision-language model of type ${type}`,
      {
        hint: 'MiniCPM-Llama3-V is opened without this provider, after `pocketlens convert`.',
      },
    );
  }
  const local = { local_files_only: true };
  const types = chooseDtypes(checkpoint.graphs, dtype);
  const processor = await library.AutoProcessor.from_pretrained(directory, local).catch((cause: unknown) => {
    throw broken(directory, cause);
  });
  const prompts = new PromptReader(processor, library);
  const options = {
    ...local,
    dtype: types,
    device: 'cpu',
    session_options: {
      logSeverityLevel: LOG_ERRORS_ONLY,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    },
  } as const;
  const model = await kind.from_pretrained(directory, options).catch((cause: unknown) => {
    throw broken(directory, cause);
  });
  return { library, model, prompts, facts: readModelFacts(model, processor.tokenizer!) };
}

function broken(directory: string, cause: unknown): ModelFormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ModelFormatError('MODEL_CONFIG', `the model in ${directory} cannot be opened: ${reason}`, {
    cause,
    hint: 'Fetch its files again; all of one repository belong together.',
  });
}
