import type { ModelFile, ModelSource } from '@pocketlens/backend';
import { readManifest } from '@pocketlens/backend-onnx';
import type { ModelPart } from '@pocketlens/backend-onnx';
import type { ReadProgress } from './options.js';

/**
 * The same source, with its reads told: bytes of graphs and weights, of all that `parts` of the manifest will need.
 *
 * @param choose - the parts that will be opened, of those in the manifest
 */
export async function withProgress(
  source: ModelSource,
  choose: (manifest: Awaited<ReturnType<typeof readManifest>>) => readonly ModelPart[],
  onProgress: (progress: ReadProgress) => void,
): Promise<ModelSource> {
  const manifest = await readManifest(source);
  const counted = new Set(choose(manifest).flatMap(({ file, externalData }) => [file, ...externalData]));
  const total = manifest.files.reduce((sum, { path, size }) => sum + (counted.has(path) ? size : 0), 0);
  /** How far each file was read: a second read of the same bytes is no progress. */
  const reached = new Map<string, number>();
  const tell = (path: string, end: number): void => {
    reached.set(path, Math.max(end, reached.get(path) ?? 0));
    onProgress({ done: [...reached.values()].reduce((sum, bytes) => sum + bytes, 0), total });
  };
  return {
    name: source.name,
    open: async (path) => {
      const file = await source.open(path);
      return counted.has(path) ? withCount(file, (end) => tell(path, end)) : file;
    },
  };
}

function withCount(file: ModelFile, tell: (end: number) => void): ModelFile {
  return {
    size: file.size,
    read: async (offset, length) => {
      const bytes = await file.read(offset, length);
      tell(offset + length);
      return bytes;
    },
    close: () => file.close(),
  };
}
