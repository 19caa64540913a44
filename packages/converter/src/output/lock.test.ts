import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { FileLock } from './lock.js';

const root = mkdtempSync(join(tmpdir(), 'pocketlens-lock-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let path: string;
let count = 0;
beforeEach(() => {
  path = join(root, `${count++}.lock`);
});

/** Writes a lock of another process, as old as this. */
function leave(owner: object | string, ageSeconds = 0): void {
  writeFileSync(path, typeof owner === 'string' ? owner : JSON.stringify({ token: 'other', ...owner }));
  const time = new Date(Date.now() - ageSeconds * 1000);
  utimesSync(path, time, time);
}

const lockedBy = (pid: number): object => ({
  code: 'OUTPUT_LOCKED',
  details: { lock: path, pid, host: expect.any(String) },
});

test('one holds it, the next is refused until it is released', async () => {
  const lock = await FileLock.acquire(path);
  await expect(FileLock.acquire(path)).rejects.toMatchObject(lockedBy(process.pid));
  await lock.assertHeld();
  await lock.release();
  await (await FileLock.acquire(path)).release();
});

test('many at once: exactly one holds it, also over a stale one', async () => {
  for (const isStale of [false, true]) {
    if (isStale) leave({ pid: 999_999_999, host: hostname(), start: null });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => FileLock.acquire(path)));
    const held = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    expect(held.length).toBeGreaterThan(0);
    // Where two have passed, the check before the end tells them apart.
    const checks = await Promise.allSettled(held.map((lock) => lock.assertHeld()));
    expect(checks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const lock of held) await lock.release();
    rmSync(path, { force: true });
  }
});

test.each([
  ['a process that is gone', { pid: 999_999_999, host: hostname(), start: null }, 0],
  ['a process whose number somebody else has now', { pid: process.pid, host: hostname(), start: '1' }, 0],
  ['another machine, silent for long', { pid: 1, host: 'elsewhere', start: null }, 200],
  ['nobody, half-written some time ago', '{"tok', 20],
])('the lock of %s is taken over', async (_, owner, age) => {
  // Without the start of a process only its number counts.
  if (process.platform !== 'linux' && typeof owner === 'object' && owner.pid === process.pid) return;
  leave(owner, age);
  const lock = await FileLock.acquire(path);
  expect(readFileSync(path, 'utf8')).toContain(`"pid":${process.pid}`);
  await lock.release();
  expect(readdirSync(root).filter((name) => name.startsWith(path.slice(root.length + 1)))).toEqual([]);
});

test.each([
  ['this machine, running', { pid: process.ppid, host: hostname(), start: null }, 1000],
  ['another machine, lately', { pid: 1, host: 'elsewhere', start: null }, 60],
  ['somebody who is just writing it', '', 0],
])('the lock of %s holds', async (_, owner, age) => {
  leave(owner, age);
  await expect(FileLock.acquire(path)).rejects.toMatchObject({ code: 'OUTPUT_LOCKED' });
});

test('a lock that was taken over is not released by the old owner', async () => {
  const lock = await FileLock.acquire(path);
  leave({ pid: process.ppid, host: hostname(), start: null });
  await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'OUTPUT_LOCKED' });
  await lock.release();
  expect(readFileSync(path, 'utf8')).toContain('other');
});
