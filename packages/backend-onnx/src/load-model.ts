import { throwIfAborted } from '@pocketlens/backend';
import type { BackendWarning, LoadModelOptions, ModelConfig, ModelSource } from '@pocketlens/backend';
import { checkFileSizes } from './check-files.js';
import { chooseParts } from './choose-parts.js';
import { checkChunk } from './chunk-size.js';
import type { OpenGraph } from './graph-session.js';
import { readJsonObject } from './json.js';
import type { JsonObject } from './json.js';
import { readManifest } from './manifest.js';
import type { ManifestModel } from './manifest.js';
import { OnnxModel } from './model.js';
import { openParts } from './open-parts.js';

export interface LoadOnnxModelOptions extends Omit<LoadModelOptions, 'threads' | 'verify'> {
  readonly openGraph: OpenGraph;
  /** Positions of one pass where `prefillChunk` is absent and memory allows; default 128. */
  readonly preferredChunk?: number;
  /** Name of the device for `capabilities`. */
  readonly device: string;
  /** What the adapter has to tell about this load. */
  readonly warnings?: readonly BackendWarning[];
}

/**
 * Opens a model: reads its manifest and configuration, compares file sizes, then opens graphs and table.
 *
 * @throws {ModelFormatError} for missing, cut or foreign files, and for a dtype that the model does not hold
 * @throws {InvalidArgumentError} for an option outside its range
 * @throws {AbortError} `ABORTED`
 */
export async function loadOnnxModel(source: ModelSource, options: LoadOnnxModelOptions): Promise<OnnxModel> {
  throwIfAborted(options.signal);
  const { prefillChunk, preferredChunk, warnings } = options;
  checkChunk(prefillChunk);
  const manifest = await readManifest(source);
  const model = withConfig(manifest.model, await readJsonObject(source, 'config.json', 'MODEL_CONFIG'));
  const { dtype, ...parts } = chooseParts(manifest, options);
  await checkFileSizes(source, manifest, Object.values(parts));
  throwIfAborted(options.signal);
  const loaded = await openParts(source, model, parts, options);
  return new OnnxModel({ ...loaded, prefillChunk, preferredChunk, warnings }, toModelConfig(model), {
    dtype,
    device: options.device,
    imageInput: true,
    batchedSteps: false,
  });
}

/** `batch_vision_input` is a switch of the configuration, not a property of the graphs: the file that people edit wins. */
function withConfig(model: ManifestModel, config: JsonObject): ManifestModel {
  const joint = config['batch_vision_input'];
  return typeof joint === 'boolean' ? { ...model, batchVisionInput: joint } : model;
}

function toModelConfig(model: ManifestModel): ModelConfig {
  const { name, version, hiddenSize, vocabSize, maxPositions, queries, patchSize } = model;
  const batchVisionInput = model.batchVisionInput && model.visionPositions === 'strip';
  return { name, version, hiddenSize, vocabSize, maxPositions, queries, patchSize, batchVisionInput };
}
