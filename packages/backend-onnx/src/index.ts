export { loadOnnxModel } from './load-model.js';
export type { LoadOnnxModelOptions } from './load-model.js';
export type { GraphFile, OpenGraph } from './graph-session.js';
export { MANIFEST_FILE, parseManifest, readManifest } from './manifest.js';
export type { Manifest, ManifestFile, ManifestModel, ModelPart, PartName } from './manifest.js';
export type { OnnxModel } from './model.js';
export { bucketIds, positionIds } from './position-ids.js';
