import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const original = path.join(root, 'tools/golden/model');
const shipped = path.join(root, 'packages/backend-conformance/golden');

describe('the golden values that the suite ships', () => {
  it('are those of the reference, byte for byte', async () => {
    const originals = new Set(await readdir(original));
    const copies = (await readdir(shipped)).filter((name) => originals.has(name));
    expect(copies.length).toBeGreaterThan(10);
    for (const name of copies) {
      const [copy, reference] = await Promise.all(
        [shipped, original].map((folder) => readFile(path.join(folder, name))),
      );
      expect(copy!.equals(reference!), name).toBe(true);
    }
  });
});
