import type { DecodeMode } from '@pocketlens/preprocessing';
import type { GenerationOptions } from '../generation/options.js';

/** A token with its text, and the natural logarithm of its probability. */
export interface ChatTokenLogprob {
  readonly id: number;
  /** Of this token alone; a part of a character is U+FFFD. */
  readonly text: string;
  readonly logprob: number;
}

/** A token of an answer with the most probable ones at its place. */
export interface ChatTokenLogprobs extends ChatTokenLogprob {
  /** Descending. */
  readonly top: readonly ChatTokenLogprob[];
}

/** Something worth telling that is not an error. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

export type FinishReason = 'stop' | 'length';

/** Positions of the context that a call used. */
export interface Usage {
  /** All positions of the prompt, image embeddings included. */
  readonly promptTokens: number;
  /** Image embeddings of the prompt. */
  readonly imageTokens: number;
  /** Generated tokens, without the stop token. */
  readonly completionTokens: number;
  /** Positions of the prompt that an earlier turn or request had computed. */
  readonly reusedTokens?: number;
  /** Tokens that were drafted for the model to check; absent without speculation. */
  readonly draftedTokens?: number;
  /** Drafted tokens that became part of the answer. */
  readonly acceptedTokens?: number;
}

/** Where the time went, in milliseconds. */
export interface Timings {
  /** Opening the model, once. */
  readonly loadMs: number;
  readonly preprocessMs: number;
  readonly encodeMs: number;
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  /** From the call to the first token. */
  readonly firstTokenMs: number;
  /** Of the tokens after the first; 0 when there are none. */
  readonly tokensPerSecond: number;
}

/** What came after the last text. */
export interface FinishPart {
  readonly type: 'finish';
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
  readonly warnings: readonly Warning[];
}

/** A piece of a streamed answer. */
export type ChatPart =
  | {
      readonly type: 'text-delta';
      readonly text: string;
      readonly tokenIds: readonly number[];
      /** One for each of `tokenIds`, where they were asked for. */
      readonly logprobs?: readonly ChatTokenLogprobs[];
    }
  | FinishPart;

/** A whole answer. */
export interface ChatResult extends Omit<FinishPart, 'type'> {
  /** The answer, without white space at its ends. */
  readonly text: string;
  readonly tokenIds: readonly number[];
  /** One for each of `tokenIds`, where they were asked for. */
  readonly logprobs?: readonly ChatTokenLogprobs[];
}

export type ChatProgress =
  | { readonly phase: 'encode'; readonly done: number; readonly total: number }
  | { readonly phase: 'prefill'; readonly done: number; readonly total: number };

export interface ChatOptions extends GenerationOptions {
  readonly signal?: AbortSignal;
  /** How pictures are read: for people (`natural`, default) or bit for bit as the reference code (`exact`). */
  readonly imageMode?: DecodeMode;
  /**
   * `false`: `chat` and `generate` use nothing of earlier requests and leave nothing for later ones, so that everything is
   * computed and timed anew. Default `true`. A session always uses its own earlier turns.
   */
  readonly reuse?: boolean;
  /** Slices encoded, then positions prefilled. */
  readonly onProgress?: (progress: ChatProgress) => void;
}
