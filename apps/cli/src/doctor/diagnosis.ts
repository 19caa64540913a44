import { isBusy } from '../bench/machine.js';
import { formatBytes } from '../format.js';
import type { Facts } from './facts.js';
import { FULL_MODEL, memoryTable, type ModelFit } from './memory-table.js';

/** `failed`: nothing can be answered until it is put right. `warning`: it works, with a drawback. */
export type Severity = 'ok' | 'warning' | 'failed';

export interface Check {
  readonly name: string;
  readonly severity: Severity;
  readonly detail: string;
  /** What to do; absent when there is nothing. */
  readonly hint?: string;
}

export interface Diagnosis {
  /** No check has failed. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly fits: readonly ModelFit[];
  /** What to do next, most urgent first. */
  readonly next: readonly string[];
}

const OLDEST_NODE: readonly [major: number, minor: number] = [20, 19];

function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (!isOld) return { name: 'node', severity: 'ok', detail: version };
  const hint = `Install Node.js ${OLDEST_NODE.join('.')} or newer.`;
  return { name: 'node', severity: 'failed', detail: version, hint };
}

function checkProcessor({ machine }: Facts): Check {
  const { cpu, cores, arch, cpuFlags } = machine;
  const flags = cpuFlags.length === 0 ? '' : `: ${cpuFlags.join(' ')}`;
  const detail = `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${arch}${flags}`;
  if (arch === 'x64' && cpuFlags.length > 0 && !cpuFlags.includes('avx2')) {
    return { name: 'processor', severity: 'warning', detail, hint: 'Without AVX2 the models run, but slowly.' };
  }
  return { name: 'processor', severity: 'ok', detail };
}

function checkMemory({ machine }: Facts, embedded: ModelFit | undefined): Check {
  const detail = `${formatBytes(machine.availableMemoryBytes)} free of ${formatBytes(machine.memoryBytes)}`;
  if (embedded?.fits !== false) return { name: 'memory', severity: 'ok', detail };
  const hint = `Even the embedded model needs ${formatBytes(embedded.bytes)}: close other programs.`;
  return { name: 'memory', severity: 'warning', detail, hint };
}

function checkLoad({ machine }: Facts): Check {
  const detail = machine.load.toFixed(2);
  if (!isBusy(machine)) return { name: 'load', severity: 'ok', detail };
  return {
    name: 'load',
    severity: 'warning',
    detail,
    hint: 'Other programs are busy: answers come later than they could.',
  };
}

function checkBackends({ backends }: Facts): Check[] {
  const some = backends.some(({ available }) => available);
  return backends.map(({ name, available, reason, version, devices, threads }) => {
    if (available) {
      const parts = [version, devices.join(', '), threads === null ? null : `${threads} threads`];
      return { name, severity: 'ok', detail: parts.filter((part) => part !== null && part !== '').join(', ') };
    }
    const hint = 'Run `npm install` again on this machine: the native library comes per platform.';
    return { name, severity: some ? 'warning' : 'failed', detail: reason ?? 'not available', hint };
  });
}

/** What could compute beside the processor. A device that was asked for and is not there is worth a note. */
function checkDevices({ backends }: Facts, asked: readonly string[]): Check[] {
  return backends.flatMap(({ name, available, untried, missing }): Check[] => {
    if (!available) return [];
    const absent = Object.entries(missing).map(([device, reason]) => `${device}: ${reason}`);
    const offered = untried.map((device) => `${device}: in the package, not tried (doctor --device ${device})`);
    const detail = [...offered, ...absent].join('; ');
    if (detail === '') return [];
    const failed = asked.filter((device) => device in missing);
    if (failed.length === 0) return [{ name: `${name} devices`, severity: 'ok', detail }];
    const hint = `${failed.join(', ')} cannot be used here: the processor computes, or --device ${failed[0]} fails.`;
    return [{ name: `${name} devices`, severity: 'warning', detail, hint }];
  });
}

function checkPart(name: string, { ok, detail }: Facts['images'], hint: string): Check {
  return ok ? { name, severity: 'ok', detail } : { name, severity: 'failed', detail, hint };
}

/** Where to go from here when everything works. */
function nextSteps(fits: readonly ModelFit[]): string[] {
  const full = fits.filter(({ model }) => model === FULL_MODEL);
  const large = full.find((row) => row.fits);
  return [
    'pocketlens ask photo.jpg -p "What is the total?" asks the embedded model.',
    large === undefined
      ? `${FULL_MODEL} needs at least ${formatBytes(full[0]?.bytes ?? 0)} of free memory: stay with the embedded model.`
      : `${large.model} fits as ${large.dtype}: pocketlens convert CHECKPOINT DIR --dtype ${large.dtype}, then ask --model DIR.`,
    'pocketlens bench measures how fast a model is here; doctor --tune chooses threads for it by measuring.',
  ];
}

/**
 * Judges the facts.
 *
 * @param asked - devices that somebody wants to use
 */
export function diagnose(facts: Facts, asked: readonly string[] = []): Diagnosis {
  const fits = memoryTable(facts.machine.availableMemoryBytes, facts.embeddedModel.memory);
  const reinstall = 'Run `npm install` again.';
  const checks = [
    checkNode(facts.machine.node),
    checkProcessor(facts),
    checkMemory(
      facts,
      fits.find(({ model }) => model !== FULL_MODEL),
    ),
    checkLoad(facts),
    ...checkBackends(facts),
    ...checkDevices(facts, asked),
    checkPart('images', facts.images, `${reinstall} sharp's library comes per platform.`),
    checkPart('embedded model', facts.embeddedModel, `${reinstall} A file is missing or was altered.`),
  ];
  const rank: Readonly<Record<Severity, number>> = { failed: 0, warning: 1, ok: 2 };
  const ok = checks.every(({ severity }) => severity !== 'failed');
  const hints = checks
    .toSorted((a, b) => rank[a.severity] - rank[b.severity])
    .flatMap(({ name, hint }) => (hint === undefined ? [] : [`${name}: ${hint}`]));
  return { ok, checks, fits, next: ok ? [...hints, ...nextSteps(fits)] : hints };
}
