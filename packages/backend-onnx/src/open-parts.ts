import { throwIfAborted } from '@pocketlens/backend';
import type { LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { Decoder, decoderInputs, decoderOutputs } from './decoder.js';
import { EmbeddingTable } from './embedding-table.js';
import { GraphSwitch, residentGraph } from './graph-runner.js';
import type { GraphRunner } from './graph-runner.js';
import { GraphSession } from './graph-session.js';
import type { OpenGraph } from './graph-session.js';
import type { ManifestModel, ModelPart } from './manifest.js';
import type { OnnxModelParts } from './model.js';
import { VISION_INPUTS, VISION_OUTPUT, VisionEncoder } from './vision-encoder.js';

/** The files of the parts that were chosen. */
export type ChosenParts = Readonly<Record<'vision' | 'embeddings' | 'decoder', ModelPart>>;

export interface OpenPartsOptions extends Pick<LoadModelOptions, 'memory' | 'signal'> {
  readonly openGraph: OpenGraph;
}

/**
 * Opens the graphs and the embedding table of a model. With little memory the graphs are opened when they are used,
 * one at a time; then a graph that is damaged is found out by its first use.
 */
export async function openParts(
  source: ModelSource,
  model: ManifestModel,
  parts: ChosenParts,
  options: OpenPartsOptions,
): Promise<OnnxModelParts> {
  const openVision = opener(source, parts.vision, options, { inputs: VISION_INPUTS, outputs: [VISION_OUTPUT] });
  const decoderNames = { inputs: decoderInputs(model), outputs: decoderOutputs(model) };
  const openDecoder = opener(source, parts.decoder, options, decoderNames);
  const opened: GraphRunner[] = [];
  const resident = async (open: () => Promise<GraphSession>): Promise<GraphRunner> => {
    const graph = residentGraph(await open());
    opened.push(graph);
    throwIfAborted(options.signal);
    return graph;
  };
  try {
    const graphs = new GraphSwitch();
    const isLow = options.memory === 'low';
    const vision = isLow ? graphs.graph(openVision) : await resident(openVision);
    const decoder = isLow ? graphs.graph(openDecoder) : await resident(openDecoder);
    const embeddings = await EmbeddingTable.open(source, parts.embeddings.file, [model.vocabSize, model.hiddenSize]);
    return { vision: new VisionEncoder(vision, model), decoder: new Decoder(decoder, model), embeddings };
  } catch (error) {
    await Promise.all(opened.map((graph) => graph.dispose()));
    throw error;
  }
}

function opener(
  source: ModelSource,
  part: ModelPart,
  { openGraph }: OpenPartsOptions,
  expected: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
): () => Promise<GraphSession> {
  const file = { source, path: part.file, externalData: part.externalData };
  return () => GraphSession.open(openGraph, file, expected);
}
