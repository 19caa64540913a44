// The real worker, with one defect: an image of 13 patches ends it, as a failed assertion in native code would.
import { register } from 'node:module';
import { parentPort } from 'node:worker_threads';

register('../../../tools/source-hooks.mjs', import.meta.url);
await import('../src/worker/entry.ts');
parentPort?.on('message', ({ slices = [] }) => {
  if (slices.some(({ targetSize: [rows, columns] }) => rows * columns === 13))
    throw new Error('a defect of the engine');
});
