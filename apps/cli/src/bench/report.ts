import type { Tuning } from '@pocketlens/backend-onnxruntime-node';
import { formatBytes, formatTable } from '../format.js';
import { isBusy, type Machine } from './machine.js';
import type { MemoryUse } from './memory.js';
import type { DecodeResult, EncodeResult, PrefillResult } from './model-bench.js';
import type { Samples } from './samples.js';

/** What `pocketlens bench --json` prints. */
export interface BenchReport {
  readonly date: string;
  readonly version: string;
  readonly machine: Machine;
  readonly model: {
    readonly name: string;
    readonly directory: string;
    readonly dtype: string;
    /** Weights of the prefill, where they are others. */
    readonly prefillDtype?: string;
  };
  readonly backend: {
    readonly name: string;
    readonly version: string | null;
    readonly threads: number | null;
    /** Settings that differ from the engine's own. */
    readonly settings: Readonly<Record<string, unknown>>;
    /** Settings that were chosen by measuring, where there are such. */
    readonly tuning?: Tuning;
  };
  readonly load: { readonly ms: number; readonly cpuMs: number };
  readonly encode: readonly EncodeResult[];
  readonly prefill: readonly PrefillResult[];
  readonly decode: readonly DecodeResult[];
  readonly memory: {
    readonly loaded: MemoryUse;
    /** The most seen after any measurement. */
    readonly most: MemoryUse;
    readonly peakResidentBytes: number;
  };
}

function milliseconds(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

function row(what: string, { ms, cpuMs }: Pick<Samples, 'ms' | 'cpuMs'>, speed = ''): string[] {
  return [what, milliseconds(ms), milliseconds(cpuMs), speed];
}

const rate = (value: number, unit: string): string => `${value.toFixed(value < 100 ? 1 : 0)} ${unit}/s`;

function memoryRow(what: string, { residentBytes, anonymousBytes }: MemoryUse): string[] {
  return [what, formatBytes(residentBytes), anonymousBytes === null ? 'unknown' : formatBytes(anonymousBytes)];
}

/** How threads wait, and how a prompt is read. */
function settingsText({ spinning, prefillChunk }: Tuning): string {
  return `${spinning ? 'spinning' : 'not spinning'}, ${prefillChunk} positions a pass`;
}

/** The report as two tables for people. */
export function reportText(report: BenchReport): string {
  const { machine, model, backend, load, encode, prefill, decode, memory } = report;
  const threads =
    backend.threads === null ? '' : `, ${backend.threads} ${backend.threads === 1 ? 'thread' : 'threads'}`;
  const tuned = backend.tuning === undefined ? '' : `, ${settingsText(backend.tuning)} (measured)`;
  const prefillDtype = model.prefillDtype === undefined ? '' : ` (prefill ${model.prefillDtype})`;
  const times = [
    ['', 'time', 'CPU time', 'speed'],
    row('load', load),
    ...encode.map((result) =>
      row(`encode ${result.slices} of ${result.patches} patches`, result, rate(result.slicesPerSecond, 'slices')),
    ),
    ...prefill.map((result) => row(`prefill ${result.tokens}`, result, rate(result.tokensPerSecond, 'tokens'))),
    ...decode.map((result) =>
      row(`decode a token at ${result.context}`, result, rate(result.tokensPerSecond, 'tokens')),
    ),
  ];
  const use = [
    ['memory', 'resident', 'anonymous'],
    memoryRow('after loading', memory.loaded),
    memoryRow('most after a measurement', memory.most),
    ['peak', formatBytes(memory.peakResidentBytes)],
  ];
  const busy = isBusy(machine) ? '\nThe machine was busy: compare the CPU times, the others are too long.' : '';
  return [
    `${model.name}, ${model.dtype}${prefillDtype}, ${backend.name} ${backend.version ?? ''}${threads}${tuned}`,
    `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)} memory, load ${machine.load.toFixed(2)}`,
    '',
    formatTable(times),
    '',
    `${formatTable(use)}${busy}\n`,
  ].join('\n');
}
