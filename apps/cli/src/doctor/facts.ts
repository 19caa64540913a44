import { DirectorySource, type NodeDevice, onnxruntimeNode, verifyModel } from '@pocketlens/backend-onnxruntime-node';
import { readManifest } from '@pocketlens/backend-onnx';
import { inspect, memoryNeeds, type MemoryNeed } from '@pocketlens/converter';
import { modelDirectory } from '@pocketlens/model-tiny';
import { type Machine, readMachine } from '../bench/machine.js';
import { describeError } from '../errors.js';
import type { CliIo } from '../io.js';
import { type CacheFolder, readCacheFolders } from './folders.js';
import { TABLE_CONTEXT } from './memory-table.js';

export interface BackendFacts {
  readonly name: string;
  readonly available: boolean;
  readonly reason: string | null;
  readonly version: string | null;
  readonly devices: readonly string[];
  readonly threads: number | null;
  /** What the installed package offers beside them; whether there is such hardware shows when it is named. */
  readonly untried: readonly string[];
  /** Why each other device is not there. */
  readonly missing: Readonly<Record<string, string>>;
}

/** A part that is there and works, or the reason why not. */
export interface PartFacts {
  readonly ok: boolean;
  readonly detail: string;
}

export interface EmbeddedModelFacts extends PartFacts {
  readonly directory: string;
  /** Of its files; `null` when they cannot be read. */
  readonly bytes: number | null;
  /** Of its first storage type, at the context of the memory table; `null` when the files cannot be read. */
  readonly memory: MemoryNeed | null;
}

/** Everything that `pocketlens doctor` looks at. */
export interface Facts {
  readonly machine: Machine;
  readonly backends: readonly BackendFacts[];
  readonly images: PartFacts;
  readonly embeddedModel: EmbeddedModelFacts;
  readonly caches: readonly CacheFolder[];
}

async function probeBackends(asked: readonly NodeDevice[]): Promise<BackendFacts[]> {
  // The processor always stands behind: doctor tells what there is.
  const backends = [onnxruntimeNode({ device: [...asked, 'cpu'] })];
  return Promise.all(
    backends.map(async (backend) => {
      const { available, reason = null, version = null, threads = null, ...devices } = await backend.probe();
      return { name: backend.name, available, reason, version, threads, ...devices };
    }),
  );
}

async function probeImages(): Promise<PartFacts> {
  try {
    const { default: sharp } = await import('sharp');
    return { ok: true, detail: `sharp ${sharp.versions.sharp ?? 'unknown'}, libvips ${sharp.versions.vips}` };
  } catch (error) {
    return { ok: false, detail: describeError(error).message };
  }
}

async function probeEmbeddedModel(signal: AbortSignal): Promise<EmbeddedModelFacts> {
  try {
    const { model, files } = await readManifest(new DirectorySource(modelDirectory));
    await verifyModel(modelDirectory, { signal });
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const needs = memoryNeeds(await inspect(modelDirectory), TABLE_CONTEXT);
    return {
      ok: true,
      detail: `${model.name}, every SHA-256 as recorded`,
      directory: modelDirectory,
      bytes,
      memory: needs.find(({ isStored }) => isStored) ?? null,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, detail: describeError(error).message, directory: modelDirectory, bytes: null, memory: null };
  }
}

/** Looks at this machine and this installation, and tries the devices that are asked for; loads no model. */
export async function readFacts(
  { env, signal }: Pick<CliIo, 'env' | 'signal'>,
  asked: readonly NodeDevice[] = [],
): Promise<Facts> {
  return {
    machine: await readMachine(),
    backends: await probeBackends(asked),
    images: await probeImages(),
    embeddedModel: await probeEmbeddedModel(signal),
    caches: await readCacheFolders({ env, signal }),
  };
}
