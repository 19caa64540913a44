import { DirectorySource, verifyModel } from '@pocketlens/backend-onnxruntime-node';
import { type Manifest, readManifest } from '@pocketlens/backend-onnx';
import { Command } from 'commander';
import { checkDirectory } from '../files.js';
import { formatBytes, formatTable } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { createProgress } from '../progress.js';

interface InspectOptions {
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

function toText(directory: string, { model, parts, files }: Manifest, verified: boolean): string {
  const size = new Map(files.map((file) => [file.path, file.size]));
  const bytes = (paths: readonly string[]): string =>
    formatBytes(paths.reduce((sum, path) => sum + (size.get(path) ?? 0), 0));
  const facts: string[][] = [
    ['model', `${model.name} (MiniCPM-V ${model.version})`],
    [
      'language',
      `${model.layers} layers, width ${model.hiddenSize}, ${model.kvHeads} key-value heads, vocabulary ${model.vocabSize}`,
    ],
    ['vision', `${model.queries} embeddings a slice, patches of ${model.patchSize} pixels`],
    ['context', `${model.maxPositions} positions`],
    [
      'files',
      `${files.length}, ${bytes(files.map((file) => file.path))}${verified ? ', every SHA-256 as recorded' : ''}`,
    ],
  ];
  const table = parts.map(({ part, dtype, file, externalData }) => [part, dtype, bytes([file, ...externalData]), file]);
  return `${directory}\n${formatTable(facts)}\n\n${formatTable(table)}\n`;
}

async function run(directory: string, options: InspectOptions, io: CliIo): Promise<void> {
  await checkDirectory(directory, 'model');
  const manifest = await readManifest(new DirectorySource(directory));
  if (options.verify === true) await verify(directory, io);
  if (options.json === true) {
    return writeJson(io.stdout, { directory, ...manifest, ...(options.verify === true ? { verified: true } : {}) });
  }
  await write(io.stdout, toText(directory, manifest, options.verify === true));
}

/** `pocketlens inspect`: what a model directory holds. */
export function inspectCommand(io: CliIo): Command {
  return new Command('inspect')
    .description('show what a model directory holds')
    .argument('<dir>', 'model directory, as `pocketlens convert` writes it')
    .option('--verify', 'compare the SHA-256 of every file with the manifest')
    .option('--json', 'print the manifest as JSON')
    .action((directory: string, options: InspectOptions) => run(directory, options, io));
}
