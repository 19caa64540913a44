import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { loggingBackend } from './logging-backend.js';
import type { CallRecord } from './logging-backend.js';

const guide = readFileSync(path.join(import.meta.dirname, '../../docs/writing-a-backend.md'), 'utf8');
const blocks = [...guide.matchAll(/^`(\S+\.ts)`[^\n]*\n\n```ts\n([\s\S]*?)^```/gm)];

describe('docs/writing-a-backend.md', () => {
  it('shows TypeScript of this folder only', () => {
    expect(blocks.length).toBe([...guide.matchAll(/^```ts$/gm)].length);
    expect(blocks.length).toBeGreaterThan(3);
  });

  it.each(blocks.map(([, file, code]) => [file!, code!]))('shows %s as it is', (file, code) => {
    expect(readFileSync(path.join(import.meta.dirname, file), 'utf8')).toContain(code);
  });
});

describe('the logging backend', () => {
  it('tells what was called, and how it ended', async () => {
    const records: CallRecord[] = [];
    const backend = loggingBackend(onnxruntimeNode({ threads: 1 }), (record) => void records.push(record));
    const model = await backend.loadModel(modelDirectory);
    const sequence = model.createSequence({ capacity: 4 });
    await sequence.append([{ ids: [72, 105] }]);
    await expect(sequence.fork().append([{ ids: [1, 2, 3] }])).rejects.toMatchObject({ code: 'SEQUENCE_FULL' });
    await model.encodeImages([]);
    await model.dispose();
    expect(records.map(({ call, code }) => [call, code])).toEqual([
      ['loadModel', undefined],
      ['append at 0', undefined],
      ['append at 2', 'SEQUENCE_FULL'],
      ['encodeImages of 0', undefined],
      ['dispose', undefined],
    ]);
    expect(records.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
  });
});
