import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { modelDirectory } from '@pocketlens/model-tiny';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { diagnose } from '../src/doctor/diagnosis.js';
import { type Facts, readFacts } from '../src/doctor/facts.js';
import { memoryTable, TABLE_CONTEXT } from '../src/doctor/memory-table.js';
import { type Folder, temporaryFolder } from './fixtures.js';
import { jsonLines, pocketlens } from './memory-io.js';

let folder: Folder;
let facts: Facts;

beforeAll(async () => {
  folder = await temporaryFolder();
  const env = { HF_HUB_CACHE: path.join(folder.path, 'absent') };
  facts = await readFacts({ env, signal: new AbortController().signal });
});

afterAll(() => folder.remove());

describe('pocketlens doctor', () => {
  it('finds this installation in order', async () => {
    const cache = path.join(folder.path, 'cache');
    await mkdir(path.join(cache, 'models--a--b', 'blobs'), { recursive: true });
    await writeFile(path.join(cache, 'models--a--b', 'blobs', 'one'), Buffer.alloc(1000));
    await writeFile(path.join(cache, 'two'), Buffer.alloc(24));
    const { code, stdout } = await pocketlens(['doctor', '--json'], { env: { HF_HUB_CACHE: cache } });
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({
        ok: true,
        backends: [expect.objectContaining({ name: 'onnxruntime-node', available: true, devices: ['cpu'] })],
        embeddedModel: expect.objectContaining({ ok: true, directory: modelDirectory }),
        caches: expect.arrayContaining([{ what: 'Hugging Face models', directory: cache, bytes: 1024 }]),
        next: expect.arrayContaining([expect.stringContaining('pocketlens ask')]),
      }),
    ]);
  });

  it('is a page for people', async () => {
    const { code, stdout } = await pocketlens(['doctor'], { env: { HF_HOME: path.join(folder.path, 'none') } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok +node +\d+\.\d+\.\d+$/m);
    expect(stdout).toContain(`nothing yet  ${path.join(folder.path, 'none', 'hub')}`);
    expect(stdout).toContain('MiniCPM-Llama3-V 2.5');
  });

  it('tells of other devices, and tries those that are asked for', async () => {
    const { stdout } = await pocketlens(['doctor', '--device', 'dml,coreml']);
    // No machine has both.
    expect(stdout).toMatch(/^note +onnxruntime-node devices +.*(?:dml|coreml): onnxruntime-node for \w+ \w+ has no/m);
    expect(stdout).toContain('cannot be used here: the processor computes');
    expect(await pocketlens(['doctor', '--device', 'gpu'])).toMatchObject({ code: 2 });
  });

  it('stops on Ctrl-C', async () => {
    const signal = AbortSignal.abort(new Error('interrupted'));
    expect(await pocketlens(['doctor'], { signal })).toMatchObject({ code: 130, stdout: '' });
  });
});

describe('the diagnosis', () => {
  let healthy: Facts;

  beforeEach(() => {
    const machine = { ...facts.machine, load: 0, availableMemoryBytes: 12e9, memoryBytes: 16e9 };
    healthy = { ...facts, machine };
  });

  const severityOf = (changed: Partial<Facts>, name: string): string | undefined =>
    diagnose({ ...healthy, ...changed }).checks.find((check) => check.name === name)?.severity;

  it('has nothing to say of a healthy machine but what to do next', () => {
    const { ok, checks, next } = diagnose(healthy);
    expect(ok).toBe(true);
    expect(checks.filter(({ severity }) => severity !== 'ok')).toEqual([]);
    expect(next[1]).toContain('--dtype q4');
  });

  it.each(['20.18.3', '18.20.0'])('refuses Node %s', (node) => {
    const machine = { ...facts.machine, node };
    expect(severityOf({ machine }, 'node')).toBe('failed');
    expect(diagnose({ ...healthy, machine }).ok).toBe(false);
  });

  it.each(['20.19.0', '22.0.0', '24.1.0'])('accepts Node %s', (node) => {
    expect(severityOf({ machine: { ...facts.machine, node } }, 'node')).toBe('ok');
  });

  it('fails without any backend, and says why and what to do', () => {
    const [backend] = healthy.backends;
    const backends = [{ ...backend!, available: false, reason: 'no binary for this platform' }];
    const { ok, checks, next } = diagnose({ ...healthy, backends });
    expect(ok).toBe(false);
    expect(checks).toContainEqual(
      expect.objectContaining({ severity: 'failed', detail: 'no binary for this platform' }),
    );
    expect(next).toEqual([expect.stringContaining('npm install')]);
  });

  it('needs only one of several backends', () => {
    const broken = { ...healthy.backends[0]!, name: 'other', available: false, reason: 'no driver' };
    const { ok, checks } = diagnose({ ...healthy, backends: [...healthy.backends, broken] });
    expect(ok).toBe(true);
    expect(checks).toContainEqual(expect.objectContaining({ name: 'other', severity: 'warning' }));
  });

  it('fails without the embedded model or the image library', () => {
    const embeddedModel = { ...healthy.embeddedModel, ok: false, detail: 'a file is missing' };
    expect(severityOf({ embeddedModel }, 'embedded model')).toBe('failed');
    expect(severityOf({ images: { ok: false, detail: 'no library' } }, 'images')).toBe('failed');
  });

  it('warns of a busy machine, little memory and an old processor', () => {
    const { machine } = healthy;
    expect(severityOf({ machine: { ...machine, load: machine.cores } }, 'load')).toBe('warning');
    expect(severityOf({ machine: { ...machine, availableMemoryBytes: 1e8 } }, 'memory')).toBe('warning');
    expect(severityOf({ machine: { ...machine, arch: 'x64', cpuFlags: ['avx'] } }, 'processor')).toBe('warning');
  });
});

describe('the memory table', () => {
  it('says of the embedded model what inspect says', async () => {
    const { stdout } = await pocketlens(['inspect', modelDirectory, '--context', String(TABLE_CONTEXT), '--json']);
    const [{ memory }] = jsonLines(stdout) as [{ memory: { needs: { isStored: boolean; totalBytes: number }[] } }];
    const stored = memory.needs.find(({ isStored }) => isStored)!;
    expect(memoryTable(1e9, facts.embeddedModel.memory)[0]).toMatchObject({ bytes: stored.totalBytes, fits: true });
  });

  it('has no row of an embedded model that cannot be read', () => {
    const models = memoryTable(1e9, null).map(({ model }) => model);
    expect(new Set(models)).toEqual(new Set(['MiniCPM-Llama3-V 2.5']));
  });

  it('lets a larger machine hold what a smaller one holds', () => {
    const fits = [1, 6, 8, 16, 24, 48].map((gigabytes) =>
      memoryTable(gigabytes * 1e9, facts.embeddedModel.memory)
        .filter((need) => need.fits)
        .map(({ dtype }) => dtype),
    );
    expect(fits).toEqual([
      ['fp16'],
      ['fp16'],
      ['fp16', 'q4'],
      ['fp16', 'q4', 'int8'],
      ['fp16', 'q4', 'int8'],
      ['fp16', 'q4', 'int8', 'fp16', 'fp32'],
    ]);
  });
});
