export type { ConnectionEvent } from './connection.js';
export { AbortError, QueueError, type QueueErrorCode, type QueueErrorOptions } from './errors.js';
export { describeIdentity, fingerprintOf, type ModelIdentity } from './model-identity.js';
export { openQueueAnswerer, type QueueAnswerer, type QueueAnswererOptions, type QueueEvent } from './queue-answerer.js';
export { runWorker, type WorkerEvent, type WorkerOptions, type WorkerSummary } from './worker.js';
