import type { ChatPart, ChatResult, FinishPart, Message } from '@pocketlens/runtime';

/** What somebody is asked before anything is sent. */
export interface ConsentRequest {
  /** Name of the remote model. */
  readonly remote: string;
  /** Name of the rule that asks for it. */
  readonly rule: string;
  /** Why, in one sentence. */
  readonly reason: string;
  /** What would be sent. */
  readonly messages: readonly Message[];
}

/** `true`: whenever the rule asks; a function: asked each time; nothing, or `false`: never. */
export type Consent = boolean | ((request: ConsentRequest) => boolean | Promise<boolean>);

export interface CascadeOptions {
  /** Without it nothing is ever sent. */
  readonly consent?: Consent;
  /**
   * Holds the remote answer back until it is complete, so that the local one can stand in for it whenever the remote model
   * fails. Default false: it is streamed, and a failure in its middle ends the answer with that error.
   */
  readonly holdRemote?: boolean;
}

/** Which model an answer is from. */
export interface AnsweredBy {
  readonly where: 'local' | 'remote';
  readonly model: string;
}

/** What became of a rule that asked for the remote model. */
export interface Escalation {
  readonly rule: string;
  readonly reason: string;
  /** `refused`: no consent, nothing was sent. `failed`: it was asked, and the local model answered in its place. */
  readonly outcome: 'answered' | 'refused' | 'failed';
  /** Why it failed. */
  readonly error?: { readonly code?: string; readonly message: string };
}

interface Origin {
  readonly answeredBy: AnsweredBy;
  /** Absent where no rule asked for the remote model. */
  readonly escalation?: Escalation;
}

export interface CascadeFinishPart extends FinishPart, Origin {}

export type CascadePart = Exclude<ChatPart, FinishPart> | CascadeFinishPart;

export interface CascadeResult extends ChatResult, Origin {}
