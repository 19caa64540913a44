import { BackendError, DisposedError } from '@pocketlens/backend';
import type { ModelSource } from '@pocketlens/backend';
import type { InferenceSession, Tensor } from 'onnxruntime-common';

/** A graph of a model, as an ONNX Runtime of any platform must open it. */
export interface GraphFile {
  readonly source: ModelSource;
  /** Path of the `.onnx` file inside the model. */
  readonly path: string;
  /** Paths of its external data inside the model. */
  readonly externalData: readonly string[];
  /** The graph to open instead of the content of the file; its external data lie where the file is. */
  readonly content?: Uint8Array;
}

/** Opens graphs; the one thing that a platform's package supplies. */
export type OpenGraph = (graph: GraphFile) => Promise<InferenceSession>;

/** An inference session that runs one call at a time and is released only between calls. */
export class GraphSession {
  readonly #session: InferenceSession;
  readonly #name: string;
  #lastRun: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  private constructor(session: InferenceSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  /** Opens a graph and checks that it has the inputs and outputs of the format. */
  static async open(
    openGraph: OpenGraph,
    graph: GraphFile,
    expected: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
  ): Promise<GraphSession> {
    const session = await openGraph(graph);
    const has = new Set([...session.inputNames, ...session.outputNames]);
    const missing = [...expected.inputs, ...expected.outputs].filter((name) => !has.has(name));
    if (missing.length > 0) {
      await session.release();
      throw new BackendError('BACKEND_UNSUPPORTED', `${graph.path} lacks ${missing.slice(0, 3).join(', ')}`, {
        hint: 'Convert the checkpoint again with this release.',
      });
    }
    return new GraphSession(session, graph.path);
  }

  /** Runs the graph. Throws `DisposedError`, or `BackendError` `BACKEND_FAILED` with the native error as cause. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<InferenceSession.ReturnType> {
    const run = this.#lastRun.then(async () => {
      if (this.#isDisposed) throw new DisposedError('the model');
      try {
        return await this.#session.run(feeds);
      } catch (cause) {
        throw new BackendError('BACKEND_FAILED', `${this.#name} failed while running`, { cause });
      }
    });
    this.#lastRun = run.catch(() => undefined);
    return run;
  }

  /** Ends waiting calls with `DisposedError`, waits for the running one and frees the session. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await this.#lastRun;
    await this.#session.release();
  }
}

/** Float32 values of an output. Throws `BackendError` when the graph gives another type or size. */
export function float32Output(outputs: InferenceSession.ReturnType, name: string, length: number): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array) || data.length !== length) {
    throw new BackendError('BACKEND_FAILED', `output ${name} is not float32 with ${length} values`);
  }
  return data;
}
