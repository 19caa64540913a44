export { describeBackendConformance } from './describe.js';
export type { DescribeOptions } from './describe.js';
export type { Bound } from './expect.js';
export type { KitDtype, KitModel } from './kit/kit-models.js';
export type { ConformanceOptions, Tolerance } from './options.js';
