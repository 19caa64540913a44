import { isMainThread, parentPort } from 'node:worker_threads';
import { quantizeTask, type TaskAnswer, type TaskMessage } from './task.js';

// Started by `startWorker`; imported anywhere else, this file does nothing.
if (!isMainThread && parentPort !== null) {
  const parent = parentPort;
  // Messages come from `QuantizationWorkers` of this release.
  parent.on('message', ({ id, task }: TaskMessage) => {
    const answer: TaskAnswer = { id, isDone: isQuantized(task) };
    parent.postMessage(answer, []);
  });
}

function isQuantized(task: TaskMessage['task']): boolean {
  try {
    quantizeTask(task, '');
    return true;
  } catch {
    return false;
  }
}
