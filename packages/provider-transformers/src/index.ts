export { TransformersModel } from './transformers-model.js';
export type { OpenTransformersOptions } from './transformers-model.js';
