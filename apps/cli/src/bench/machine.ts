import { readFile } from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';
import { kilobyteField } from './memory.js';

/** What speed depends on. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly cpu: string;
  /** Instruction sets that matrix kernels use, as the system names them; empty where it does not tell. */
  readonly cpuFlags: readonly string[];
  /** Cores that this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly availableMemoryBytes: number;
  /** Load average of the last minute; 0 where there is none. */
  readonly load: number;
  readonly node: string;
}

const X86_FLAGS = ['f16c', 'fma', 'avx', 'avx2', 'avx_vnni', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_bf16'];
const AMX_FLAGS = ['amx_tile', 'amx_int8', 'amx_bf16'];
const ARM_FLAGS = ['asimd', 'asimdhp', 'asimddp', 'i8mm', 'bf16', 'sve', 'sve2', 'sme'];
const FLAGS: ReadonlySet<string> = new Set([...X86_FLAGS, ...AMX_FLAGS, ...ARM_FLAGS]);

/** The interesting flags of `/proc/cpuinfo`: `flags` on x86, `Features` on ARM. */
export function parseCpuFlags(cpuinfo: string): string[] {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? '';
  return line.split(/\s+/).filter((flag) => FLAGS.has(flag));
}

/** Looks at this machine. */
export async function readMachine(): Promise<Machine> {
  const cpuinfo = await readFile('/proc/cpuinfo', 'latin1').catch(() => '');
  return {
    platform: process.platform,
    arch: process.arch,
    cpu: os.cpus()[0]?.model.trim() || 'unknown',
    cpuFlags: parseCpuFlags(cpuinfo),
    cores: os.availableParallelism(),
    ...(await readMemory()),
    load: os.loadavg()[0] ?? 0,
    node: process.versions.node,
  };
}

/** Memory of the machine, or of the container that holds this process when that is less. */
async function readMemory(): Promise<Pick<Machine, 'memoryBytes' | 'availableMemoryBytes'>> {
  const limit = process.constrainedMemory();
  const total = os.totalmem();
  const memoryBytes = limit > 0 && limit < total ? limit : total;
  const meminfo = await readFile('/proc/meminfo', 'latin1').catch(() => '');
  const available = kilobyteField(meminfo, 'MemAvailable') ?? os.freemem();
  return { memoryBytes, availableMemoryBytes: Math.min(available, memoryBytes) };
}

/** Other programs keep more than a quarter of the cores busy: times will be too long. */
export function isBusy({ load, cores }: Pick<Machine, 'load' | 'cores'>): boolean {
  return load > cores / 4;
}
