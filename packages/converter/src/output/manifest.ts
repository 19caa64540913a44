import type { Dtype } from '@pocketlens/backend';
import type { CheckpointConfig } from '../config.js';
import { cachedHeadDim } from '../graphs/rotary.js';
import type { BlockSize, Rounding } from '../quantization/scheme.js';
import type { WrittenFile } from './output.js';

/** Name of the manifest in a model directory. */
export const MANIFEST_FILE = 'pocketlens.json';
/** Version of the model directory's format that this package writes. */
export const MANIFEST_FORMAT_VERSION = 1;

/** Storage type of a part's weights that this package writes. */
export type PartDtype = Extract<Dtype, 'fp32' | 'fp16' | 'int8' | 'q4'>;

export type PartName = 'vision_encoder' | 'embed_tokens' | 'decoder';

/** How the matrices of a part were quantised. */
export interface PartQuantization {
  readonly bits: 4 | 8;
  /** Weights along a row that share a scale and a zero point; absent when a row has one scale. */
  readonly blockSize?: BlockSize;
  readonly method: Rounding;
}

/** A part of the model in one dtype. */
export interface ManifestPart {
  readonly part: PartName;
  readonly dtype: PartDtype;
  readonly file: string;
  readonly externalData: readonly string[];
  /** Absent when the weights are floating-point numbers. */
  readonly quantization?: PartQuantization;
}

/** The numbers of the model that runtimes need before they open a graph. */
export interface ManifestModel {
  readonly name: string;
  readonly version: string;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Width of a head in the KV cache; at least the model's own, a multiple of 16. */
  readonly headDim: number;
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly queries: number;
  readonly patchSize: number;
  readonly positionTableSide: number;
  readonly visionPositions: 'strip' | 'grid';
  readonly batchVisionInput: boolean;
}

/** `pocketlens.json`. */
export interface Manifest {
  readonly format: 'pocketlens';
  readonly formatVersion: number;
  readonly model: ManifestModel;
  readonly parts: readonly ManifestPart[];
  /** Every file of the directory but the manifest. */
  readonly files: readonly WrittenFile[];
  readonly source: {
    readonly kind: 'checkpoint' | 'gguf';
    readonly name: string;
    readonly files: readonly { readonly path: string; readonly size: number }[];
    /** Name of the LoRA adapter that was merged. */
    readonly adapter?: string;
  };
  /** Licence of the weights as far as the checkpoint names one. */
  readonly license: string;
}

/** The model section of the manifest. */
export function manifestModel(config: CheckpointConfig): ManifestModel {
  const { language, vision, resampler } = config;
  return {
    name: config.name,
    version: config.version,
    hiddenSize: language.hiddenSize,
    layers: language.layers,
    heads: language.heads,
    kvHeads: language.kvHeads,
    headDim: cachedHeadDim(language),
    vocabSize: language.vocabSize,
    maxPositions: language.maxPositions,
    queries: resampler.queries,
    patchSize: vision.patchSize,
    positionTableSide: vision.positionTableSide,
    visionPositions: config.visionPositions,
    batchVisionInput: config.batchVisionInput,
  };
}
