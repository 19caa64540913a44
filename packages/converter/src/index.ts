export { convert, type ConvertOptions, type ConvertProgress, type ConvertResult } from './convert.js';
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
} from './output/manifest.js';
export { inspect, type InspectedPart, type InspectedTensor, type Inspection } from './inspect.js';
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
