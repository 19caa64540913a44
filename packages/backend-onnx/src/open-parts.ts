import { ModelFormatError, throwIfAborted } from '@pocketlens/backend';
import type { LoadModelOptions, ModelSource } from '@pocketlens/backend';
import type { ChosenParts } from './choose-parts.js';
import { DecoderGraphs } from './decoder-graphs.js';
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
  parts: Omit<ChosenParts, 'dtype'>,
  options: OpenPartsOptions,
): Promise<OnnxModelParts> {
  const { kvCache = 'float32', openGraph } = options;
  const visionNames = { inputs: VISION_INPUTS, outputs: [VISION_OUTPUT] };
  const openVision = (): Promise<GraphSession> => GraphSession.open(openGraph, file(source, parts.vision), visionNames);
  const decoderNames = { inputs: decoderInputs(model, kvCache), outputs: decoderOutputs(model, kvCache) };
  const openDecoder = async (part: ModelPart): Promise<GraphSession> => {
    const graph = file(source, part);
    const content = kvCache === 'int8' ? { content: withInt8Cache(await readGraph(graph), model) } : {};
    return GraphSession.open(openGraph, { ...graph, ...content }, decoderNames);
  };
  const opened: GraphRunner[] = [];
  const graphs = new GraphSwitch();
  const hold = async (open: () => Promise<GraphSession>): Promise<GraphRunner> => {
    if (options.memory === 'low') return graphs.graph(open);
    const graph = residentGraph(await open());
    opened.push(graph);
    throwIfAborted(options.signal);
    return graph;
  };
  try {
    const vision = await hold(openVision);
    const steps = await hold(() => openDecoder(parts.decoder));
    const { prefillDecoder } = parts;
    const prefill = prefillDecoder === undefined ? undefined : await hold(() => openDecoder(prefillDecoder));
    const embeddings = await EmbeddingTable.open(source, parts.embeddings.file, [model.vocabSize, model.hiddenSize]);
    const decoder = new Decoder(new DecoderGraphs(steps, prefill), model, kvCache);
    return { vision: new VisionEncoder(vision, model), decoder, embeddings };
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
