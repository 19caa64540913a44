import type { BackendModelV1 } from '@pocketlens/backend';
import type { PreprocessOptions } from '@pocketlens/preprocessing';
import type { Caches } from '../cache/caches.js';
import type { TokenDecoder } from '../generation/text-stream.js';
import type { PlaceholderStyle } from '../prompt/placeholder.js';
import type { PromptTokenizer } from '../prompt/prompt-writer.js';
import type { Warning } from './types.js';

/** What the runtime needs of a tokenizer. */
export interface ChatTokenizer extends PromptTokenizer {
  /** A fresh decoder for one answer. */
  stream(): TokenDecoder;
  /** The text of one token alone. */
  text(id: number): string;
}

/** What every conversation with an open model shares. */
export interface ChatEngine {
  readonly model: BackendModelV1;
  /** Absent in a model directory without tokenizer files. */
  readonly tokenizer?: ChatTokenizer;
  readonly style: PlaceholderStyle;
  readonly preprocessing: PreprocessOptions;
  readonly stopIds: ReadonlySet<number>;
  readonly contextLength: number;
  /** Bytes of a position of a key-value cache, at most. */
  readonly positionBytes: number;
  readonly caches: Caches;
  readonly loadMs: number;
  readonly warnings: readonly Warning[];
}
