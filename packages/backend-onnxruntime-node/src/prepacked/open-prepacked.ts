import { createHash } from 'node:crypto';
import { readManifest } from '@pocketlens/backend-onnx';
import type { GraphFile, ModelPart } from '@pocketlens/backend-onnx';
import type { ModelSource } from '@pocketlens/backend';
import type { InferenceSession } from 'onnxruntime-node';
import { createSession, withSettings } from '../create-session.js';
import type { SessionOptions } from '../create-session.js';
import type { OnnxRuntime } from '../runtime.js';
import { cacheKey, processorFacts } from './cache-key.js';
import type { PackedFiles, PrepackedCache } from './prepacked-cache.js';

/** Opens a graph from the cache, and puts it there first where it is not; undefined where the cache cannot serve. */
export type OpenPrepacked = (
  graph: GraphFile,
  located: string,
  options: SessionOptions,
) => Promise<InferenceSession | undefined>;

/** Weights smaller than this stay inside the graph file. */
const LEAST_EXTERNAL_BYTES = '1024';

/**
 * Graphs whose packed weights ONNX Runtime 1.30 cannot read back: those of MatMulNBits at accuracy level 4 come without what
 * their scales add to them, and every logit is NaN.
 */
function isUnreadablePacked({ part, dtype }: ModelPart): boolean {
  return part === 'decoder' && (dtype === 'q4' || dtype === 'q4f16');
}

/** @throws {ModelFormatError} when the manifest of the model is missing or wrong */
export async function prepackedOpener(
  runtime: OnnxRuntime,
  cache: PrepackedCache,
  source: ModelSource,
): Promise<OpenPrepacked> {
  const { files, parts: modelParts } = await readManifest(source);
  const unreadable = new Set(modelParts.filter(isUnreadablePacked).map(({ file }) => file));
  const facts = new Map(files.map((file) => [file.path, file]));
  const runtimeVersion = runtime.env.versions.node ?? runtime.env.versions.common;
  const processor = await processorFacts();
  return async (graph, located, options) => {
    const { path, externalData, content } = graph;
    if (unreadable.has(path)) return undefined;
    const parts = [path, ...externalData].map((name) => facts.get(name));
    const fileHashes = parts.flatMap((file) => (file === undefined ? [] : [file.sha256]));
    // A file that the manifest does not list could change unseen.
    if (fileHashes.length < parts.length) return undefined;
    if (content !== undefined) fileHashes.push(createHash('sha256').update(content).digest('hex'));
    const key = cacheKey({ fileHashes, runtimeVersion, processor });
    const sourceBytes = parts.reduce((sum, file) => sum + (file?.size ?? 0), 0);
    const entry =
      (await cache.find(key)) ??
      (await cache.make(key, sourceBytes, (files) =>
        pack(() => createSession(runtime, graph, located, packingOptions(options, files))),
      ));
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

async function pack(create: () => Promise<InferenceSession>): Promise<void> {
  const session = await create();
  await session.release();
}

function packingOptions(options: SessionOptions, { graph, dataName }: PackedFiles): SessionOptions {
  return {
    ...withSettings(options, {
      save_external_prepacked_constant_initializers: '1',
      optimized_model_external_initializers_file_name: dataName,
      optimized_model_external_initializers_min_size_in_bytes: LEAST_EXTERNAL_BYTES,
    }),
    optimizedModelFilePath: graph,
  };
}
