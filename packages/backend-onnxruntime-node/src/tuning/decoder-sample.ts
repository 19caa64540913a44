import { ModelFormatError } from '@pocketlens/backend';
import type { ModelSource } from '@pocketlens/backend';
import { graphPart } from '@pocketlens/backend-onnx';
import type { Manifest, ManifestModel, ModelPart } from '@pocketlens/backend-onnx';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { createSession, withSettings } from '../create-session.js';
import type { OnnxRuntime } from '../runtime.js';
import { sessionOptions } from '../session-options.js';
import type { ThreadSettings } from '../session-options.js';

/** Weights of the layers that are opened: more than a cache of a processor holds, and soon read. */
const SAMPLE_BYTES = 300e6;
const MOST_GRAPH_BYTES = 256 * 1024 * 1024;
/** Positions that the key-value cache has room for. */
const ROOM = 256;

/** A graph of the first layers of a decoder, as the engine takes it. */
export interface SampleGraph {
  readonly model: ManifestModel;
  readonly path: string;
  readonly located: string;
  readonly content: Uint8Array;
}

/**
 * Cuts a decoder to as many layers as show how fast all of them are.
 *
 * @throws {ModelFormatError} `MODEL_FILE_MISSING`, `MODEL_HEADER` for a file that is no graph of this format
 */
export async function sampleGraph(
  source: ModelSource,
  { model, files }: Manifest,
  { file: path, externalData }: ModelPart,
  located: string,
): Promise<SampleGraph> {
  const opened = await source.open(path);
  try {
    if (opened.size > MOST_GRAPH_BYTES) throw new ModelFormatError('MODEL_HEADER', `${path} holds its weights itself`);
    const whole = await opened.read(0, opened.size);
    const bytes = files.reduce((sum, file) => sum + (externalData.includes(file.path) ? file.size : 0), 0);
    const layers = Math.max(1, Math.floor((SAMPLE_BYTES * model.layers) / bytes));
    const next = `new.${layers}`;
    // The new keys of the layer behind need all layers before it, and its own projection.
    const content = layers < model.layers ? graphPart(whole, [`${next}.key`, `${next}.value`]) : whole;
    return { model, path, located, content };
  } finally {
    await opened.close();
  }
}

/** Some layers of a decoder, ready to be timed. */
export class DecoderSample {
  readonly #session: InferenceSession;
  readonly #runtime: OnnxRuntime;
  readonly #model: ManifestModel;
  readonly #past: Readonly<Record<string, Tensor>>;

  private constructor(session: InferenceSession, runtime: OnnxRuntime, model: ManifestModel) {
    this.#session = session;
    this.#runtime = runtime;
    this.#model = model;
    const { kvHeads, headDim } = model;
    const names = session.inputNames.filter((name) => name.startsWith('past.'));
    const empty = (): Tensor =>
      new runtime.Tensor('float32', new Float32Array(kvHeads * ROOM * headDim), [1, kvHeads, ROOM, headDim]);
    this.#past = Object.fromEntries(names.map((name) => [name, empty()]));
  }

  static async open(
    runtime: OnnxRuntime,
    source: ModelSource,
    { model, path, located, content }: SampleGraph,
    settings: ThreadSettings,
  ): Promise<DecoderSample> {
    const graph = { source, path, externalData: [], content };
    // Threads that go on spinning after a pass would slow down what is measured next.
    const options = withSettings(sessionOptions(settings), { force_spinning_stop: '1' });
    return new DecoderSample(await createSession(runtime, graph, located, options), runtime, model);
  }

  /** One pass over `count` positions after `past` others. */
  async run(count: number, past: number): Promise<void> {
    const { Tensor } = this.#runtime;
    const values = Float32Array.from({ length: count * this.#model.hiddenSize }, (_, index) => Math.sin(index));
    const feeds: Readonly<Record<string, Tensor>> = {
      inputs_embeds: new Tensor('float32', values, [1, count, this.#model.hiddenSize]),
      seqlens_k: new Tensor('int32', Int32Array.of(past + count - 1), [1]),
      total_sequence_length: new Tensor('int32', Int32Array.of(past + count), []),
      kv_start: new Tensor('int64', BigInt64Array.of(BigInt(past)), [1]),
      kv_end: new Tensor('int64', BigInt64Array.of(BigInt(past + count)), [1]),
      logits_index: new Tensor('int64', BigInt64Array.of(BigInt(count - 1)), [1]),
      ...this.#past,
    };
    const { inputNames } = this.#session;
    await this.#session.run(Object.fromEntries(inputNames.map((name) => [name, feeds[name]!])));
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}
