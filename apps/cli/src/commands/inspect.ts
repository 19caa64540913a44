import { DirectorySource, verifyModel } from '@pocketlens/backend-onnxruntime-node';
import { readManifest } from '@pocketlens/backend-onnx';
import { inspect, memoryNeeds, type Inspection } from '@pocketlens/converter';
import { Command } from 'commander';
import { readMachine } from '../bench/machine.js';
import { UsageError } from '../errors.js';
import { checkExists } from '../files.js';
import { formatTable } from '../format.js';
import { memoryText, modelFacts, partRows, reportMemory, type MemoryReport } from '../inspect-report.js';
import { type CliIo, write, writeJson } from '../io.js';
import { integer } from '../options.js';
import { createProgress } from '../progress.js';

const DEFAULT_CONTEXT = 4096;

interface InspectOptions {
  readonly mmproj?: string;
  readonly context?: number;
  readonly verify?: true;
  readonly json?: true;
}

async function verify(directory: string, io: CliIo): Promise<void> {
  const progress = createProgress(io);
  try {
    await verifyModel(directory, {
      signal: io.signal,
      onProgress: ({ path, doneBytes, totalBytes }) =>
        progress.update(path, totalBytes === 0 ? 1 : doneBytes / totalBytes),
    });
  } finally {
    progress.clear();
  }
}

async function measureMemory(inspection: Inspection, context?: number): Promise<MemoryReport> {
  const { maxPositions } = inspection.model;
  const most = typeof maxPositions === 'number' ? maxPositions : DEFAULT_CONTEXT;
  const contextLength = Math.min(context ?? DEFAULT_CONTEXT, most);
  const { memoryBytes, availableMemoryBytes } = await readMachine();
  return reportMemory(memoryNeeds(inspection, contextLength), {
    contextLength,
    memoryBytes,
    availableBytes: availableMemoryBytes,
  });
}

/** A model directory as its manifest has it; of another source the parts with the number of their tensors. */
async function jsonOf(path: string, inspection: Inspection): Promise<Readonly<Record<string, unknown>>> {
  const { kind, model, parameters, bytes } = inspection;
  if (kind === 'model') return { kind, ...(await readManifest(new DirectorySource(path))), parameters, bytes };
  const parts = inspection.parts.map(({ tensors, ...part }) => ({ ...part, tensors: tensors.length }));
  return { kind, model, parts, parameters, bytes };
}

function toText(path: string, inspection: Inspection, files: readonly string[][]): string {
  const facts = formatTable([...modelFacts(inspection), ...files]);
  return `${path}\n${facts}\n\n${formatTable(partRows(inspection))}\n`;
}

/** Files of a model directory, or those that the parts of another source lie in. */
function fileRows({ kind, parts }: Inspection, isVerified: boolean): string[][] {
  const names = [...new Set(parts.flatMap(({ tensors }) => tensors.map(({ file }) => file)))];
  const verified = isVerified ? ['verified', 'every SHA-256 as recorded'] : undefined;
  const shown = kind === 'model' || names.length <= 4 ? names : [...names.slice(0, 3), `${names.length - 3} more`];
  return [['files', shown.join(', ')], ...(verified === undefined ? [] : [verified])];
}

async function run(path: string, options: InspectOptions, io: CliIo): Promise<void> {
  const { mmproj, context, json } = options;
  const isVerified = options.verify === true;
  await checkExists(path, 'model');
  const inspection = await inspect(path, mmproj === undefined ? {} : { mmproj });
  if (isVerified && inspection.kind !== 'model') {
    throw new UsageError(`--verify compares the files of a model directory with its manifest; ${path} is none`);
  }
  if (isVerified) await verify(path, io);
  const memory = await measureMemory(inspection, context);
  if (json === true) {
    const contents = await jsonOf(path, inspection);
    return writeJson(io.stdout, { directory: path, ...contents, memory, ...(isVerified ? { verified: true } : {}) });
  }
  const text = toText(path, inspection, fileRows(inspection, isVerified));
  await write(io.stdout, text + memoryText(memory));
}

/** `pocketlens inspect`: what a checkpoint, a GGUF file or a model directory holds, and whether it fits this machine. */
export function inspectCommand(io: CliIo): Command {
  return new Command('inspect')
    .description('show what a model, checkpoint or GGUF file holds, and whether it fits this machine')
    .argument('<path>', 'model directory, checkpoint directory, or .gguf or .safetensors file')
    .option('--mmproj <file>', 'image part of a GGUF model, when it is not the one beside it')
    .option('--context <n>', 'positions that memory is computed for (default: 4096)', integer(1, 1_048_576))
    .option('--verify', 'compare the SHA-256 of every file of a model directory with the manifest')
    .option('--json', 'print the same as JSON')
    .action((path: string, options: InspectOptions) => run(path, options, io));
}
