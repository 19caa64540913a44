import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileLock } from './file-lock.js';

let root = '';
let path = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pocketlens-lock-'));
  path = join(root, 'locks', 'blob.lock');
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(root, { recursive: true });
});

/** What a process that has ended would have written. */
async function deadOwner(content: Record<string, unknown>): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return { ...content, pid: child.pid };
}

async function ownContent(): Promise<Record<string, unknown>> {
  const lock = new FileLock(path);
  expect(await lock.tryAcquire()).toBe(true);
  const content = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await lock.release();
  return content;
}

describe('FileLock', () => {
  it('is held by one at a time', async () => {
    const locks = Array.from({ length: 8 }, () => new FileLock(path));
    const acquired = await Promise.all(locks.map((lock) => lock.tryAcquire()));
    expect(acquired.filter(Boolean)).toHaveLength(1);
    await locks[acquired.indexOf(true)]?.release();
    expect(await new FileLock(path).tryAcquire()).toBe(true);
  });

  it('takes over from a dead process at once, and only one does', async () => {
    const dead = await deadOwner(await ownContent());
    await writeFile(path, JSON.stringify(dead));
    const locks = Array.from({ length: 8 }, () => new FileLock(path));
    const held: boolean[] = [];
    for (let round = 0; round < 3; round += 1) {
      held.push(...(await Promise.all(locks.map((lock) => lock.tryAcquire()))));
    }
    expect(held.filter(Boolean)).toHaveLength(1);
  });

  it('takes over from another process that has got the same number', async () => {
    const content = await ownContent();
    expect(content['started']).not.toBe('');
    await writeFile(path, JSON.stringify({ ...content, started: '1' }));
    expect(await new FileLock(path).tryAcquire()).toBe(true);
  });

  it('waits for a heartbeat from elsewhere for 30 seconds before it takes over', async () => {
    const content = await ownContent();
    for (const foreign of [JSON.stringify({ ...content, machine: 'elsewhere' }), 'half a lo']) {
      vi.useFakeTimers({ toFake: ['performance'] });
      await writeFile(path, foreign);
      const lock = new FileLock(path);
      expect(await lock.tryAcquire()).toBe(false);
      vi.advanceTimersByTime(29_000);
      expect(await lock.tryAcquire()).toBe(false);
      await writeFile(path, foreign);
      expect(await lock.tryAcquire()).toBe(false);
      vi.advanceTimersByTime(31_000);
      expect(await lock.tryAcquire()).toBe(true);
      await lock.release();
      vi.useRealTimers();
    }
  });

  it('tells who holds it', async () => {
    const lock = new FileLock(path);
    expect(await lock.owner()).toBeUndefined();
    await lock.tryAcquire();
    expect(await new FileLock(path).owner()).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  it('is refused at once while its owner lives here, and after a heartbeat from elsewhere', async () => {
    const lock = new FileLock(path);
    await lock.tryAcquire();
    expect(await new FileLock(path).acquire()).toBe(false);
    const content = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...content, machine: 'elsewhere' }));
    const refused = new FileLock(path).acquire();
    const beats = setInterval(() => void utimes(path, new Date(), new Date()), 20);
    expect(await refused).toBe(false);
    clearInterval(beats);
  });

  it('waits for one that is half written, until the signal', async () => {
    await mkdir(join(root, 'locks'));
    await writeFile(path, '{"pid":');
    const waiting = new FileLock(path).acquire(AbortSignal.timeout(50));
    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('does not remove what another process holds', async () => {
    const lock = new FileLock(path);
    await lock.tryAcquire();
    await writeFile(path, 'taken over');
    await lock.release();
    expect(await readFile(path, 'utf8')).toBe('taken over');
  });
});
