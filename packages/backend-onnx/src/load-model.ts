import { ModelFormatError, throwIfAborted } from '@pocketlens/backend';
import type { Dtype, LoadModelOptions, ModelConfig, ModelSource } from '@pocketlens/backend';
import { checkFileSizes } from './check-files.js';
import { checkChunk } from './chunk-size.js';
import type { OpenGraph } from './graph-session.js';
import { readJsonObject } from './json.js';
import type { JsonObject } from './json.js';
import { readManifest } from './manifest.js';
import type { Manifest, ManifestModel, ModelPart, PartName } from './manifest.js';
import { OnnxModel } from './model.js';
import { openParts } from './open-parts.js';

/** Exact weights first. */
const DTYPE_PREFERENCE: readonly Dtype[] = ['fp32', 'fp16', 'int8', 'q4', 'q4f16'];

export interface LoadOnnxModelOptions extends Omit<LoadModelOptions, 'threads' | 'verify'> {
  readonly openGraph: OpenGraph;
  /** Name of the device for `capabilities`. */
  readonly device: string;
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
  checkChunk(options.prefillChunk);
  const manifest = await readManifest(source);
  const model = withConfig(manifest.model, await readJsonObject(source, 'config.json', 'MODEL_CONFIG'));
  const dtype = chooseDtype(manifest, options.dtype);
  const parts = {
    vision: choosePart(manifest, 'vision_encoder', dtype),
    embeddings: choosePart(manifest, 'embed_tokens', dtype),
    decoder: choosePart(manifest, 'decoder', dtype),
  };
  await checkFileSizes(source, manifest, Object.values(parts));
  throwIfAborted(options.signal);
  const loaded = await openParts(source, model, parts, options);
  return new OnnxModel({ ...loaded, prefillChunk: options.prefillChunk }, toModelConfig(model), {
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

function chooseDtype(manifest: Manifest, wanted: Dtype | undefined): Dtype {
  const held = manifest.parts.filter(({ part }) => part === 'decoder').map(({ dtype }) => dtype);
  const chosen = wanted ?? DTYPE_PREFERENCE.find((dtype) => held.includes(dtype));
  if (chosen === undefined || !held.includes(chosen)) {
    throw new ModelFormatError(
      'MODEL_DTYPE',
      `the model has no decoder in ${wanted ?? 'any type'}, only ${held.join(', ') || 'none'}`,
      {
        hint: 'Choose one of these, or convert the checkpoint with --dtype.',
        details: { wanted, held },
      },
    );
  }
  return chosen;
}

/** The part in the wanted type, or in the most exact one there is: a quantised decoder may keep an exact encoder. */
function choosePart(manifest: Manifest, name: PartName, dtype: Dtype): ModelPart {
  const candidates = manifest.parts.filter(({ part }) => part === name);
  for (const type of [dtype, ...DTYPE_PREFERENCE]) {
    const found = candidates.find((candidate) => candidate.dtype === type);
    if (found !== undefined) return found;
  }
  throw new ModelFormatError('MODEL_MANIFEST', `the manifest lists no ${name}`, {
    hint: 'Convert the checkpoint again.',
  });
}
