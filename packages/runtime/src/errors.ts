import { PocketlensError } from '@pocketlens/backend';
import type { ErrorOptionsWithContext } from '@pocketlens/backend';

export type InvalidPromptErrorCode =
  | 'PROMPT_EMPTY'
  | 'PROMPT_ROLE_ORDER'
  | 'PROMPT_TOO_LONG'
  | 'PROMPT_IMAGE_COUNT'
  | 'PROMPT_CONTENT';

/** A conversation that cannot become a prompt. */
export class InvalidPromptError extends PocketlensError {
  declare readonly code: InvalidPromptErrorCode;

  constructor(code: InvalidPromptErrorCode, message: string, options?: ErrorOptionsWithContext) {
    super(code, message, options);
    this.name = 'InvalidPromptError';
  }
}

/** No model of this name, or no folder at this path. */
export class ModelNotFoundError extends PocketlensError {
  declare readonly code: 'MODEL_UNKNOWN';

  constructor(message: string, options?: ErrorOptionsWithContext) {
    super('MODEL_UNKNOWN', message, options);
    this.name = 'ModelNotFoundError';
  }
}

/** The model directory lacks what the call needs, such as a tokenizer, or options exclude each other. */
export class UnsupportedError extends PocketlensError {
  declare readonly code: 'TOKENIZER_MISSING' | 'UNSUPPORTED';

  constructor(code: 'TOKENIZER_MISSING' | 'UNSUPPORTED', message: string, options?: ErrorOptionsWithContext) {
    super(code, message, options);
    this.name = 'UnsupportedError';
  }
}

/** A second turn was started while the first is still running. */
export class SessionBusyError extends PocketlensError {
  declare readonly code: 'SESSION_BUSY';

  constructor() {
    super('SESSION_BUSY', 'the session is still answering the previous turn', {
      hint: 'Wait for its end, abort it, or open another session.',
    });
    this.name = 'SessionBusyError';
  }
}
