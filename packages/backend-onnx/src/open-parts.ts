import { ModelFormatError, throwIfAborted } from '@pocketlens/backend';
import type { LoadModelOptions, ModelSource } from '@pocketlens/backend';
import { Decoder, decoderInputs, decoderOutputs } from './decoder.js';
import { EmbeddingTable } from './embedding-table.js';
import { GraphSwitch, residentGraph } from './graph-runner.js';
import type { GraphRunner } from './graph-runner.js';
import { GraphSession } from './graph-session.js';
import type { GraphFile, OpenGraph } from './graph-session.js';
import type { ManifestModel, ModelPart } from './manifest.js';
import type { OnnxModelParts } from './model.js';
import { withInt8Cache } from './onnx-file/int8-cache.js';
import { VISION_INPUTS, VISION_OUTPUT, VisionEncoder } from './vision-encoder.js';

/** A graph without its weights has a few megabytes. */
const MAX_GRAPH_BYTES = 256 * 1024 * 1024;

/** The files of the parts that were chosen. */
export type ChosenParts = Readonly<Record<'vision' | 'embeddings' | 'decoder', ModelPart>>;

export interface OpenPartsOptions extends Pick<LoadModelOptions, 'kvCache' | 'memory' | 'signal'> {
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
  const { kvCache = 'float32', openGraph } = options;
  const visionNames = { inputs: VISION_INPUTS, outputs: [VISION_OUTPUT] };
  const openVision = (): Promise<GraphSession> => GraphSession.open(openGraph, file(source, parts.vision), visionNames);
  const decoderNames = { inputs: decoderInputs(model, kvCache), outputs: decoderOutputs(model, kvCache) };
  const openDecoder = async (): Promise<GraphSession> => {
    const graph = file(source, parts.decoder);
    const content = kvCache === 'int8' ? { content: withInt8Cache(await readGraph(graph), model) } : {};
    return GraphSession.open(openGraph, { ...graph, ...content }, decoderNames);
  };
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
    return { vision: new VisionEncoder(vision, model), decoder: new Decoder(decoder, model, kvCache), embeddings };
  } catch (error) {
    await Promise.all(opened.map((graph) => graph.dispose()));
    throw error;
  }
}

function file(source: ModelSource, { file: path, externalData }: ModelPart): GraphFile {
  return { source, path, externalData };
}

/** @throws {ModelFormatError} `MODEL_HEADER` for a graph that holds its weights itself */
async function readGraph({ source, path }: GraphFile): Promise<Uint8Array> {
  const opened = await source.open(path);
  try {
    if (opened.size <= MAX_GRAPH_BYTES) return await opened.read(0, opened.size);
    throw new ModelFormatError(
      'MODEL_HEADER',
      `${path} in ${source.name} has ${opened.size} bytes, at most ${MAX_GRAPH_BYTES} for an int8 cache`,
      { hint: 'Convert the checkpoint again with this release: weights belong beside the graph.' },
    );
  } finally {
    await opened.close();
  }
}
