export type { BackendReport, BackendV1, LoadModelOptions } from './backend.js';
export {
  AbortError,
  BackendError,
  DisposedError,
  InvalidArgumentError,
  isPocketlensError,
  ModelFormatError,
  PocketlensError,
  throwIfAborted,
} from './errors.js';
export type { BackendErrorCode, ErrorOptionsWithContext, ModelFormatErrorCode } from './errors.js';
export type { DenseLogits, Logits, LogitsRequest, TopLogits } from './logits.js';
export type {
  BackendCapabilities,
  BackendModelV1,
  BackendWarning,
  Dtype,
  EncodeOptions,
  ImageFeatures,
  ModelConfig,
  SliceInput,
  StepOptions,
} from './model.js';
export type { AppendOptions, SequencePart, SequenceV1 } from './sequence.js';
export type { ModelFile, ModelSource } from './source.js';
