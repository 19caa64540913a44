import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isBusy, parseCpuFlags, readMachine } from './machine.js';
import { kilobyteField, MemoryWatch, peakResidentBytes, readMemoryUse } from './memory.js';

describe('parseCpuFlags', () => {
  it('keeps what matrix kernels use, on x86 and on ARM', () => {
    expect(parseCpuFlags('processor\t: 0\nflags\t\t: fpu sse2 avx2 fma avx512_vnni\n')).toEqual([
      'avx2',
      'fma',
      'avx512_vnni',
    ]);
    expect(parseCpuFlags('processor : 0\nFeatures : fp asimd crc32 asimddp i8mm\n')).toEqual([
      'asimd',
      'asimddp',
      'i8mm',
    ]);
    expect(parseCpuFlags('')).toEqual([]);
  });
});

describe('isBusy', () => {
  it('begins above a quarter of the cores', () => {
    expect(isBusy({ load: 0.5, cores: 2 })).toBe(false);
    expect(isBusy({ load: 0.6, cores: 2 })).toBe(true);
    expect(isBusy({ load: 0.6, cores: 8 })).toBe(false);
  });
});

describe('readMachine', () => {
  it('has plausible figures', async () => {
    const machine = await readMachine();
    expect(machine.cores).toBeGreaterThanOrEqual(1);
    expect(machine.availableMemoryBytes).toBeGreaterThan(0);
    expect(machine.availableMemoryBytes).toBeLessThanOrEqual(machine.memoryBytes);
    expect(machine.node).toBe(process.versions.node);
  });
});

describe('memory', () => {
  it('reads a field of /proc in bytes', () => {
    const text = 'Rss:                1024 kB\nAnonymous:            8 kB\n';
    expect(kilobyteField(text, 'Anonymous')).toBe(8192);
    expect(kilobyteField(text, 'Swap')).toBeUndefined();
  });

  it('sees memory that is taken, and keeps the most', async () => {
    const watch = new MemoryWatch();
    await watch.look();
    const before = watch.most;
    const held = new Uint8Array(64 << 20).fill(1);
    await watch.look();
    const use = await readMemoryUse();
    expect(watch.most.residentBytes - before.residentBytes).toBeGreaterThan(held.length / 2);
    // The kernel counts the peak in batches.
    expect(peakResidentBytes()).toBeGreaterThan(0.95 * watch.most.residentBytes);
    if (existsSync('/proc/self/smaps_rollup')) {
      expect(use.anonymousBytes).toBeGreaterThanOrEqual(held.length);
      expect(use.anonymousBytes).toBeLessThanOrEqual(use.residentBytes);
    }
  });
});
