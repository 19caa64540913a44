import { DisposedError } from '@pocketlens/backend';
import type { GraphSession } from './graph-session.js';

/** Gives a session to work with, for as long as one operation takes. */
export interface GraphRunner {
  /** Throws `DisposedError` after `dispose`. */
  use<Result>(work: (session: GraphSession) => Promise<Result>): Promise<Result>;
  dispose(): Promise<void>;
}

/** A session that is there all the time. */
export function residentGraph(session: GraphSession): GraphRunner {
  return { use: (work) => work(session), dispose: () => session.dispose() };
}

/**
 * Graphs of which one at a time is in memory: each is opened when it is used, after the one before is released.
 * Operations run one after the other, in the order in which they come.
 */
export class GraphSwitch {
  #current: { readonly open: () => Promise<GraphSession>; readonly session: GraphSession } | undefined;
  #lastUse: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  /** A graph of this switch, opened by `open` whenever it comes to work. */
  graph(open: () => Promise<GraphSession>): GraphRunner {
    return { use: (work) => this.#use(open, work), dispose: () => this.dispose() };
  }

  /** Ends waiting operations with `DisposedError`, waits for the running one and frees the session. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    // What a running operation runs next is refused at once, as with a graph that is resident.
    const closing = this.#current?.session.dispose();
    await this.#lastUse;
    await closing;
    await this.#release();
  }

  #use<Result>(open: () => Promise<GraphSession>, work: (session: GraphSession) => Promise<Result>): Promise<Result> {
    const use = this.#lastUse.then(async () => {
      const session = await this.#bring(open);
      return work(session);
    });
    this.#lastUse = use.catch(() => undefined);
    return use;
  }

  async #bring(open: () => Promise<GraphSession>): Promise<GraphSession> {
    if (this.#isDisposed) throw new DisposedError('the model');
    if (this.#current?.open !== open) {
      await this.#release();
      this.#current = { open, session: await open() };
    }
    return this.#current.session;
  }

  async #release(): Promise<void> {
    const session = this.#current?.session;
    this.#current = undefined;
    await session?.dispose();
  }
}
