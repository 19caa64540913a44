import type { ImageInput, RgbImage } from '@pocketlens/preprocessing';
import { InvalidPromptError } from '../errors.js';

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

export interface ImagePart {
  readonly type: 'image';
  /** Whatever `decodeImage` of `@pocketlens/preprocessing` takes, or decoded RGB pixels. */
  readonly image: ImageInput | RgbImage;
}

export type ContentPart = TextPart | ImagePart;

export type Role = 'system' | 'user' | 'assistant';

/** One message of a conversation. Images belong to user messages. */
export interface Message {
  readonly role: Role;
  readonly content: string | readonly ContentPart[];
}

const ROLES: readonly string[] = ['system', 'user', 'assistant'] satisfies Role[];

/** The parts of a message; a text stands for one text part. */
export function contentParts({ content }: Message): readonly ContentPart[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** Image parts of a conversation, in the order in which the model sees them. */
export function imageParts(messages: readonly Message[]): readonly ImagePart[] {
  return messages.flatMap((message) => contentParts(message).filter((part) => part.type === 'image'));
}

/**
 * Checks a conversation: an optional system message, then a user message first.
 *
 * @throws {InvalidPromptError} `PROMPT_EMPTY`, `PROMPT_ROLE_ORDER` or `PROMPT_CONTENT` with the index of the message
 */
export function checkMessages(messages: readonly Message[]): void {
  if (messages.length === 0) throw new InvalidPromptError('PROMPT_EMPTY', 'the conversation has no messages');
  for (const [index, message] of messages.entries()) {
    checkRole(message.role, index, messages[0]!.role === 'system');
    checkContent(message, index);
  }
  if (messages.every(({ role }) => role === 'system')) {
    throw new InvalidPromptError('PROMPT_EMPTY', 'the conversation has no user message');
  }
}

function checkRole(role: string, index: number, hasSystem: boolean): void {
  const firstTurn = hasSystem ? 1 : 0;
  const allowed = allowedRoles(index, firstTurn);
  if (allowed.includes(role)) return;
  throw new InvalidPromptError(
    'PROMPT_ROLE_ORDER',
    `message ${index} has role ${JSON.stringify(role)}, allowed: ${allowed.join(', ')}`,
    {
      hint: "A system message may stand first; the first message after it is the user's.",
      details: { index, role, allowed },
    },
  );
}

function allowedRoles(index: number, firstTurn: number): readonly string[] {
  if (index < firstTurn) return ROLES;
  if (index === firstTurn) return index === 0 ? ['system', 'user'] : ['user'];
  return ['user', 'assistant'];
}

function checkContent(message: Message, index: number): void {
  const { role, content } = message;
  if (typeof content !== 'string' && !Array.isArray(content)) {
    throw new InvalidPromptError('PROMPT_CONTENT', `message ${index}: content must be a text or a list of parts`);
  }
  for (const part of contentParts(message)) {
    const isText = part.type === 'text' && typeof part.text === 'string';
    const isImage = part.type === 'image' && part.image !== undefined && part.image !== null;
    if (!isText && !isImage) {
      throw new InvalidPromptError(
        'PROMPT_CONTENT',
        `message ${index}: a part must be { type: 'text', text } or { type: 'image', image }`,
      );
    }
    if (isImage && role !== 'user') {
      throw new InvalidPromptError(
        'PROMPT_CONTENT',
        `message ${index}: images belong to user messages, not to ${role}`,
      );
    }
  }
  const isEmpty = contentParts(message).every((part) => part.type === 'text' && pythonStrip(part.text) === '');
  if (role === 'user' && isEmpty) {
    throw new InvalidPromptError('PROMPT_EMPTY', `message ${index} of the user is empty`, { details: { index } });
  }
}

/** White space of Python's `str.strip`: Unicode white space and the four information separators. */
const PYTHON_SPACE = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${PYTHON_SPACE}+`);
const TRAILING_SPACE = new RegExp(PYTHON_SPACE);

/** Removes white space at the start as Python's `str.lstrip` does. */
export function pythonStripStart(text: string): string {
  return text.replace(LEADING, '');
}

/** Removes white space at the end as Python's `str.rstrip` does, in linear time. */
export function pythonStripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && TRAILING_SPACE.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Removes white space at both ends as Python's `str.strip` does. */
export function pythonStrip(text: string): string {
  return pythonStripEnd(pythonStripStart(text));
}
