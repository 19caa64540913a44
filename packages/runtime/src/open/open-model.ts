import { InvalidArgumentError, throwIfAborted } from '@pocketlens/backend';
import type { BackendModelV1, BackendV1, Dtype, LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { createCaches, resolveCacheOptions } from '../cache/caches.js';
import type { CacheOptions } from '../cache/caches.js';
import type { ChatEngine } from '../chat/engine.js';
import type { Warning } from '../chat/types.js';
import { placeholderStyle } from '../prompt/placeholder.js';
import { VisionLanguageModel } from '../vision-language-model.js';
import { loadDefaultBackend } from './default-backend.js';
import { loadTokenizer } from './load-tokenizer.js';
import { locateModel } from './locate-model.js';
import { directoryFiles, sourceFiles } from './model-files.js';
import { readModelSettings } from './model-settings.js';

export interface OpenModelOptions {
  /** Engine that runs the graphs; default: `@pocketlens/backend-onnxruntime-node`. */
  readonly backend?: BackendV1;
  /** Storage type of the weights; default: the most exact one that the model holds. */
  readonly dtype?: Dtype;
  /**
   * Weights with which prompts are read, where the model holds several: `int8` beside `dtype: 'q4'` reads about twice as
   * fast, and takes the memory of both. Default: those of `dtype`.
   */
  readonly prefillDtype?: Dtype;
  readonly threads?: number;
  /** `'low'`: where the backend can, vision encoder and language model take turns in memory. Default `'normal'`. */
  readonly memory?: LoadModelOptions['memory'];
  /** Most positions of a conversation, answer included; default and limit: what the model was made for. */
  readonly contextLength?: number;
  /** Compares the sha256 of every file with the manifest first. Default false: sizes only. */
  readonly verify?: boolean;
  /** What is kept for later requests. */
  readonly cache?: CacheOptions;
  readonly signal?: AbortSignal;
}

/**
 * Opens a model directory, or a model by name (`tiny`).
 *
 * @throws {ModelNotFoundError} `MODEL_UNKNOWN`
 * @throws {ModelFormatError} for missing, cut or foreign files, with the file's name
 * @throws {BackendError} `BACKEND_MISSING`, `BACKEND_FAILED`
 * @throws {AbortError} `ABORTED`
 */
export async function openModel(
  source: string | ModelSource,
  options: OpenModelOptions = {},
): Promise<VisionLanguageModel> {
  const start = performance.now();
  throwIfAborted(options.signal);
  const cache = resolveCacheOptions(options.cache);
  const located = typeof source === 'string' ? await locateModel(source) : source;
  const backend = options.backend ?? (await loadDefaultBackend());
  const model = await backend.loadModel(located, loadOptions(options));
  try {
    const files = typeof located === 'string' ? directoryFiles(located) : sourceFiles(located);
    const settings = await readModelSettings(files);
    const loaded = await loadTokenizer(files);
    const length = contextLength(model, options.contextLength);
    const positionBytes = settings.positionBytes ?? model.config.hiddenSize * BYTES_OF_UNKNOWN_WIDTH;
    const engine: ChatEngine = {
      model,
      ...(loaded === undefined ? {} : { tokenizer: loaded.tokenizer }),
      style: placeholderStyle(settings.version, settings.preprocessing.useImageId),
      preprocessing: settings.preprocessing,
      stopIds: new Set([...settings.eosIds, ...(loaded?.endIds ?? [])]),
      contextLength: length,
      positionBytes,
      caches: createCaches({ model, contextLength: length, positionBytes }, cache),
      loadMs: performance.now() - start,
      warnings: [...(model.warnings ?? []), ...(loaded === undefined ? [NO_TOKENIZER] : [])],
    };
    return new VisionLanguageModel(engine);
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

/** Keys and values of 32 layers in float32: too much rather than too little. */
const BYTES_OF_UNKNOWN_WIDTH = 2 * 32 * Float32Array.BYTES_PER_ELEMENT;

const NO_TOKENIZER: Warning = {
  code: 'TOKENIZER_MISSING',
  message: 'the model directory has no tokenizer: forward and generateFromIds work, chat does not',
};

function loadOptions({ dtype, prefillDtype, threads, memory, verify, signal }: OpenModelOptions): LoadModelOptions {
  return {
    ...(dtype === undefined ? {} : { dtype }),
    ...(prefillDtype === undefined ? {} : { prefillDtype }),
    ...(threads === undefined ? {} : { threads }),
    ...(memory === undefined ? {} : { memory }),
    ...(verify === undefined ? {} : { verify }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function contextLength({ config }: BackendModelV1, wanted: number = config.maxPositions): number {
  if (Number.isSafeInteger(wanted) && wanted >= 1 && wanted <= config.maxPositions) return wanted;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `contextLength must be a whole number in 1..${config.maxPositions}, received ${wanted}`,
  );
}
