import { readManifest } from '@pocketlens/backend-onnx';
import type { GraphFile } from '@pocketlens/backend-onnx';
import type { ModelSource } from '@pocketlens/backend';
import type { InferenceSession } from 'onnxruntime-node';
import type { OnnxRuntime } from '../runtime.js';
import { cacheKey, processorFacts } from './cache-key.js';
import type { PrepackedCache } from './prepacked-cache.js';

/** Opens a graph from the cache, and puts it there first where it is not; undefined where the cache cannot serve. */
export type OpenPrepacked = (
  graph: GraphFile,
  located: string,
  options: InferenceSession.SessionOptions,
) => Promise<InferenceSession | undefined>;

/** Weights smaller than this stay inside the graph file. */
const LEAST_EXTERNAL_BYTES = '1024';

/** @throws {ModelFormatError} when the manifest of the model is missing or wrong */
export async function prepackedOpener(
  runtime: OnnxRuntime,
  cache: PrepackedCache,
  source: ModelSource,
): Promise<OpenPrepacked> {
  const { files } = await readManifest(source);
  const facts = new Map(files.map((file) => [file.path, file]));
  const runtimeVersion = runtime.env.versions.node ?? runtime.env.versions.common;
  const processor = await processorFacts();
  return async ({ path, externalData }, located, options) => {
    const parts = [path, ...externalData].map((name) => facts.get(name));
    const fileHashes = parts.flatMap((file) => (file === undefined ? [] : [file.sha256]));
    // A file that the manifest does not list could change unseen.
    if (fileHashes.length < parts.length) return undefined;
    const key = cacheKey({ fileHashes, runtimeVersion, processor });
    const sourceBytes = parts.reduce((sum, file) => sum + (file?.size ?? 0), 0);
    const entry =
      (await cache.find(key)) ??
      (await cache.make(key, sourceBytes, (files) => pack(runtime, located, options, files)));
    if (entry === undefined) return undefined;
    try {
      // It was optimised when it was written.
      return await runtime.InferenceSession.create(entry, { ...options, graphOptimizationLevel: 'disabled' });
    } catch {
      await cache.discard(key);
      return undefined;
    }
  };
}

async function pack(
  runtime: OnnxRuntime,
  located: string,
  options: InferenceSession.SessionOptions,
  files: { readonly graph: string; readonly dataName: string },
): Promise<void> {
  const extra = options.extra as { readonly session: object } | undefined;
  const session = await runtime.InferenceSession.create(located, {
    ...options,
    optimizedModelFilePath: files.graph,
    extra: {
      ...extra,
      session: {
        ...extra?.session,
        save_external_prepacked_constant_initializers: '1',
        optimized_model_external_initializers_file_name: files.dataName,
        optimized_model_external_initializers_min_size_in_bytes: LEAST_EXTERNAL_BYTES,
      },
    },
  });
  await session.release();
}
