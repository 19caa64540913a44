import { packError, unpackError } from '@pocketlens/backend-onnx';
import type { PackedError } from '@pocketlens/backend-onnx';
import type { ModelFile, ModelSource } from '@pocketlens/backend';
import { webPort } from './web-worker.js';
import type { WebPort } from './web-worker.js';

/** A file of a source that lives on the other side of a port is asked for by number. */
type Request =
  | { readonly type: 'open'; readonly path: string }
  | { readonly type: 'read'; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly type: 'close'; readonly file: number };

type Answer = { readonly value: unknown } | { readonly error: PackedError };

interface OpenedFile {
  readonly file: number;
  readonly size: number;
}

/** A `MessagePort` that starts to deliver when it is told to. */
export interface StartedPort extends WebPort {
  start(): void;
  close(): void;
}

/**
 * Lets the other side of a port read the files of a source, whatever kind it is: bytes move over without a copy.
 *
 * @returns closes the port, and the files that the other side has left open
 */
export function serveSource(port: StartedPort, source: ModelSource): () => void {
  const { post, listen } = webPort(port);
  const files = new Map<number, ModelFile>();
  let lastFile = 0;

  const answer = async (request: Request): Promise<unknown> => {
    if (request.type === 'open') {
      const file = await source.open(request.path);
      files.set(++lastFile, file);
      return { file: lastFile, size: file.size } satisfies OpenedFile;
    }
    const file = files.get(request.file);
    if (request.type === 'read') return file?.read(request.offset, request.length);
    files.delete(request.file);
    return file?.close();
  };

  listen((message) => {
    // Only `PortSource` of this release writes to the port.
    const { call, ...request } = message as Request & { readonly call: number };
    void answer(request as Request).then(
      (value) => post({ call, value }, movableBuffer(value)),
      (error: unknown) => post({ call, error: packError(error) }, []),
    );
  });
  port.start();
  return () => {
    port.close();
    for (const file of files.values()) void file.close().catch(() => undefined);
    files.clear();
  };
}

/** A piece of a file may be a part of something larger, which stays. */
function movableBuffer(value: unknown): readonly ArrayBuffer[] {
  if (!(value instanceof Uint8Array) || !(value.buffer instanceof ArrayBuffer)) return [];
  return value.buffer.byteLength === value.byteLength ? [value.buffer] : [];
}

/** A source on the other side of a port. */
export class PortSource implements ModelSource {
  readonly name: string;
  readonly #post: (message: unknown) => void;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastCall = 0;

  constructor(port: StartedPort, name: string) {
    this.name = name;
    const { post, listen } = webPort(port);
    this.#post = (message) => post(message, []);
    listen((message) => this.#receive(message as { readonly call: number } & Answer));
    port.start();
  }

  async open(path: string): Promise<ModelFile> {
    const { file, size } = (await this.#ask({ type: 'open', path })) as OpenedFile;
    return {
      size,
      read: async (offset, length) => (await this.#ask({ type: 'read', file, offset, length })) as Uint8Array,
      close: async () => void (await this.#ask({ type: 'close', file })),
    };
  }

  #ask(request: Request): Promise<unknown> {
    const call = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#post({ ...request, call });
    });
  }

  #receive({ call, ...answer }: { readonly call: number } & Answer): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if ('error' in answer) waiting?.reject(unpackError(answer.error));
    else waiting?.resolve(answer.value);
  }
}
