import type {
  BackendCapabilities,
  BackendWarning,
  Logits,
  LogitsRequest,
  ModelConfig,
  SliceInput,
} from '@pocketlens/backend';
import type { PackedError } from './packed-error.js';

/** A run of token ids, or one slice of features that the other side holds. */
export type RemotePart =
  | { readonly ids: readonly number[] | Uint32Array }
  | { readonly features: number; readonly slice: number };

/** Requests that are answered, by name: what they carry and what comes back. */
export interface RemoteCalls {
  /** `options` are the adapter's own. */
  readonly load: { readonly request: { readonly options: unknown }; readonly result: RemoteModelInfo };
  readonly encode: {
    readonly request: { readonly features: number; readonly slices: readonly SliceInput[] };
    readonly result: { readonly sliceCount: number; readonly queries: number; readonly hiddenSize: number };
  };
  readonly read: { readonly request: { readonly features: number }; readonly result: Float32Array };
  readonly append: {
    readonly request: {
      readonly sequence: number;
      readonly parts: readonly RemotePart[];
      readonly logits: LogitsRequest;
    };
    readonly result: Logits;
  };
  readonly dispose: { readonly request: object; readonly result: undefined };
}

export type CallName = keyof RemoteCalls;

/** A request with the number under which its answer comes. */
export type CallMessage = {
  [Name in CallName]: { readonly type: Name; readonly call: number } & RemoteCalls[Name]['request'];
}[CallName];

/** Messages without an answer. They act in the order in which they are sent, calls included. */
export type NoticeMessage =
  | { readonly type: 'create'; readonly sequence: number; readonly capacity: number }
  | { readonly type: 'fork'; readonly sequence: number; readonly from: number }
  | { readonly type: 'truncate'; readonly sequence: number; readonly length: number }
  | { readonly type: 'close'; readonly sequence: number }
  | { readonly type: 'forget'; readonly features: number }
  | { readonly type: 'abort'; readonly call: number };

export type AnswerMessage =
  | { readonly type: 'result'; readonly call: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly call: number; readonly error: PackedError }
  | { readonly type: 'progress'; readonly call: number; readonly done: number; readonly total: number };

export interface RemoteModelInfo {
  readonly config: ModelConfig;
  readonly capabilities: BackendCapabilities;
  readonly warnings: readonly BackendWarning[];
}

/** One end of a message channel that keeps the order and moves buffers: a `MessagePort`, a worker, or its parent. */
export interface RemotePort {
  post(message: unknown, transfer: readonly ArrayBuffer[]): void;
  /** Calls the handler with every message from now on. */
  listen(handler: (message: unknown) => void): void;
}

/** The buffer of an array that may be moved to another thread: one that holds nothing else. */
export function movable(array: Float32Array): readonly ArrayBuffer[] {
  const { buffer } = array;
  return buffer instanceof ArrayBuffer && buffer.byteLength === array.byteLength ? [buffer] : [];
}
