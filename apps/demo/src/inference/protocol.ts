import type { Dtype } from '@pocketlens/backend';
import type { SlicePlan } from '@pocketlens/preprocessing';
import type { FinishPart, GenerationOptions, Role } from '@pocketlens/runtime';

/** Which model: the embedded one, or files of a folder that the user picked. */
export type ModelChoice =
  | { readonly kind: 'embedded'; /** Of its folder. */ readonly address: string }
  | { readonly kind: 'folder'; readonly name: string; readonly files: readonly ModelFolderFile[] };

export interface ModelFolderFile {
  /** From the picked folder on, its name included, with forward slashes. */
  readonly path: string;
  readonly file: File;
}

export type Device = 'wasm' | 'webgpu';

export interface EngineChoice {
  readonly device: Device;
  /** Absent: the most exact one that the model holds. */
  readonly dtype?: Dtype;
  /** Absent: what the backend finds fit for this machine. */
  readonly threads?: number;
}

/** What the page shows of an open model. */
export interface ModelInfo {
  readonly name: string;
  readonly dtype: Dtype;
  /** All dtypes that the directory holds. */
  readonly dtypes: readonly Dtype[];
  readonly device: string;
  readonly threads: number;
  readonly contextLength: number;
  readonly loadMs: number;
}

/** What can run here. */
export interface Capabilities {
  readonly devices: readonly Device[];
  /** Most threads that WebAssembly may use; 1 where the page is not cross-origin isolated. */
  readonly maxThreads: number;
}

/** An error as it crosses the border of the worker. */
export interface ErrorInfo {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface WireMessage {
  readonly role: Role;
  readonly text: string;
  readonly images: readonly Blob[];
}

export type AskOptions = Pick<
  GenerationOptions,
  'maxNewTokens' | 'sampling' | 'temperature' | 'topP' | 'topK' | 'seed'
>;

export interface AskProgress {
  readonly phase: 'encode' | 'prefill';
  readonly done: number;
  readonly total: number;
}

export interface AskFinish extends Omit<FinishPart, 'type'> {
  /** Exactly what the model chose, in order. */
  readonly tokenIds: readonly number[];
}

export type ToWorker =
  | { readonly type: 'probe'; readonly id: number }
  | { readonly type: 'open'; readonly id: number; readonly model: ModelChoice; readonly engine: EngineChoice }
  | { readonly type: 'inspect'; readonly id: number; readonly image: Blob }
  | {
      readonly type: 'ask';
      readonly id: number;
      readonly messages: readonly WireMessage[];
      readonly options: AskOptions;
    }
  /** Ends the request with this id. */
  | { readonly type: 'stop'; readonly id: number };

/** Every request ends with `result` or `failed`; `loading`, `progress` and `text` may come before. */
export type FromWorker =
  | { readonly type: 'result'; readonly id: number; readonly value: Capabilities | ModelInfo | SlicePlan | AskFinish }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorInfo }
  | { readonly type: 'loading'; readonly id: number; readonly loaded: number; readonly total: number }
  | { readonly type: 'progress'; readonly id: number; readonly progress: AskProgress }
  | { readonly type: 'text'; readonly id: number; readonly text: string };
