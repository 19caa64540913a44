import { lstat, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linkIntoSnapshot, placeInDirectory } from './place-file.js';

let root = '';
let blob = '';
const cannot = (code: string) => (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pocketlens-place-'));
  blob = join(root, 'blob');
  await writeFile(blob, 'content');
});
afterEach(() => rm(root, { recursive: true }));

describe('linkIntoSnapshot', () => {
  it('links, and replaces what is there', async () => {
    const path = join(root, 'snapshot', 'deep', 'file');
    for (let times = 0; times < 2; times += 1) {
      await linkIntoSnapshot(blob, path);
      expect((await lstat(path)).isSymbolicLink()).toBe(true);
      expect(await readFile(path, 'utf8')).toBe('content');
    }
  });

  it('makes hard links where there are no symbolic ones, and copies where there are none at all', async () => {
    const hard = join(root, 'hard');
    await linkIntoSnapshot(blob, hard, { makeSymlink: cannot('EPERM') });
    expect((await lstat(hard)).ino).toBe((await stat(blob)).ino);
    const copy = join(root, 'copy');
    await linkIntoSnapshot(blob, copy, { makeSymlink: cannot('EPERM'), makeHardLink: cannot('ENOTSUP') });
    expect((await lstat(copy)).isFile()).toBe(true);
    expect((await stat(copy)).ino).not.toBe((await stat(blob)).ino);
    expect(await readFile(copy, 'utf8')).toBe('content');
  });

  it('passes other failures on', async () => {
    await expect(linkIntoSnapshot(blob, join(root, 'x'), { makeSymlink: cannot('EIO') })).rejects.toThrow('EIO');
  });
});

describe('placeInDirectory', () => {
  it('copies small files and shares the bytes of large ones', async () => {
    const large = join(root, 'large');
    await writeFile(large, new Uint8Array(17 << 20));
    for (let times = 0; times < 2; times += 1) {
      await placeInDirectory(blob, join(root, 'target', 'small'));
      await placeInDirectory(large, join(root, 'target', 'large'));
    }
    expect((await stat(join(root, 'target', 'small'))).ino).not.toBe((await stat(blob)).ino);
    expect((await stat(join(root, 'target', 'large'))).ino).toBe((await stat(large)).ino);
  });
});
