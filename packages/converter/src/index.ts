export { convert, type ConvertOptions, type ConvertProgress, type ConvertResult } from './convert.js';
export {
  cachedSnapshot,
  type CachedFile,
  type CachedSnapshot,
  type CachedSnapshotOptions,
} from './download/cached-snapshot.js';
export { download, type DownloadedFile, type DownloadResult } from './download/download.js';
export { DownloadError, type DownloadErrorCode, type DownloadErrorContext } from './download/errors.js';
export type { FileSource } from './download/fetch-missing.js';
export type { FileSelection } from './download/file-filter.js';
export { hubSettings, type Environment, type HubSettings } from './download/hub-settings.js';
export type { DownloadOptions } from './download/options.js';
export type { DownloadProgress } from './download/progress-meter.js';
export {
  AbortError,
  InvalidArgumentError,
  ModelFormatError,
  OutputError,
  PocketlensError,
  type ErrorContext,
  type InvalidArgumentErrorCode,
  type ModelFormatErrorCode,
  type OutputErrorCode,
} from './errors.js';
export {
  MANIFEST_FILE,
  MANIFEST_FORMAT_VERSION,
  type Manifest,
  type ManifestModel,
  type ManifestPart,
  type PartDtype,
  type PartName,
  type PartQuantization,
} from './output/manifest.js';
export { PART_DTYPES, type QuantizationOptions } from './part-formats.js';
export { BLOCK_SIZES, ROUNDINGS, type BlockSize, type Rounding } from './quantization/scheme.js';
export { inspect, type InspectedPart, type InspectedTensor, type InspectOptions, type Inspection } from './inspect.js';
export { memoryNeeds, memoryNeedsOfSizes, type MemoryNeed, type ModelSizes } from './memory-need.js';
export { SafetensorsFile } from './safetensors/file.js';
export {
  SAFETENSORS_LIMITS,
  parseSafetensorsHeader,
  readHeaderLength,
  type SafetensorsDtype,
  type SafetensorsHeader,
  type TensorLocation,
} from './safetensors/header.js';
export {
  encodeSafetensors,
  encodeSafetensorsHeader,
  type TensorData,
  type TensorDeclaration,
} from './safetensors/writer.js';
