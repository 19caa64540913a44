import type { RemotePort } from '@pocketlens/backend-onnx';

type Listener = (event: { readonly data?: unknown; readonly message?: unknown }) => void;

/** A `MessagePort`, a `Worker`, or the global scope of a worker, as far as it is used here. */
export interface WebPort {
  postMessage(message: unknown, transfer: never[]): void;
  addEventListener(type: 'message', listener: Listener): void;
}

/** The `Worker` of browsers, as far as it is used here. */
export interface WebWorker extends WebPort {
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: Listener): void;
  terminate(): void;
}

export function webPort(port: WebPort): RemotePort {
  return {
    // The interface of browsers takes any transferable; buffers are.
    post: (message, transfer) => port.postMessage(message, transfer as never[]),
    listen: (handler) => port.addEventListener('message', ({ data }) => handler(data)),
  };
}
