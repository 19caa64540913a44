import type { RemotePort } from '@pocketlens/backend-onnx';

/** What a `Worker` and a `MessagePort` of Node.js share. */
interface NodePort {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

export function nodePort(port: NodePort): RemotePort {
  return {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (handler) => void port.on('message', handler),
  };
}
