export { DirectorySource } from './directory-source.js';
export { onnxruntimeNode } from './onnxruntime-node.js';
export type { OnnxRuntimeNodeOptions } from './onnxruntime-node.js';
export { defaultCacheDirectory } from './prepacked/cache-directory.js';
export { clearPrepacked } from './prepacked/prepacked-cache.js';
export { verifyModel } from './verify.js';
export type { VerifyOptions } from './verify.js';
