import type { ModelRequest, Outcome } from '@pocketlens/evaluation';
import type { ChatOptions, Message } from '@pocketlens/runtime';

import { QueueError } from './errors.js';

// What stands in Redis is text in JSON: it can be looked at with any client. Pictures are base64.

type Part = Exclude<Message['content'], string>[number];

/** A question as it stands in Redis. */
export function encodeRequest({ messages, options }: ModelRequest): string {
  return JSON.stringify({
    messages: messages.map(({ role, content }) => ({ role, content: encodeContent(content) })),
    options,
  });
}

function encodeContent(content: Message['content']): unknown {
  return typeof content === 'string' ? content : content.map(encodePart);
}

function encodePart(part: Part): unknown {
  if (part.type === 'text') return { type: 'text', text: part.text };
  if (part.type === 'image' && part.image instanceof Uint8Array) {
    const { buffer, byteOffset, byteLength } = part.image;
    return { type: 'image', base64: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
  }
  throw wrong('a text, or a picture as the bytes of its file');
}

/**
 * Reads a question back. It came over a network, so nothing in it is believed: a picture is bytes and never a path, a text is
 * text, and settings are plain values.
 *
 * @throws {QueueError} `QUEUE_MESSAGE`
 */
export function decodeRequest(text: string): ModelRequest {
  const { messages, options } = objectOf(parse(text), 'a question');
  if (!Array.isArray(messages)) throw wrong('a list of messages');
  return { messages: messages.map(decodeMessage), options: decodeOptions(options) };
}

function decodeMessage(value: unknown): Message {
  const { role, content } = objectOf(value, 'a message');
  if (role !== 'user' && role !== 'system' && role !== 'assistant') throw wrong('user, system or assistant as role');
  if (typeof content === 'string') return { role, content };
  if (!Array.isArray(content)) throw wrong('a text or a list as content');
  return { role, content: content.map(decodePart) } as Message;
}

function decodePart(value: unknown): Part {
  const { type, text, base64 } = objectOf(value, 'a part of a message');
  if (type === 'text' && typeof text === 'string') return { type, text };
  if (type === 'image' && typeof base64 === 'string')
    return { type, image: new Uint8Array(Buffer.from(base64, 'base64')) };
  throw wrong('a text or a picture');
}

function decodeOptions(value: unknown): Omit<ChatOptions, 'signal'> {
  const options = objectOf(value, 'settings of generation');
  for (const [name, setting] of Object.entries(options)) {
    const items: unknown[] = Array.isArray(setting) ? setting : [setting];
    if (!items.every((item) => ['number', 'string', 'boolean'].includes(typeof item)))
      throw wrong(`a plain value as ${name}`);
  }
  return options;
}

/** An outcome as it stands in Redis. */
export function encodeOutcome(outcome: Outcome): string {
  return JSON.stringify(outcome);
}

/** Reads an outcome back. @throws {QueueError} `QUEUE_MESSAGE` */
export function decodeOutcome(text: string): Outcome {
  const { prediction, error, warnings } = objectOf(parse(text), 'an outcome');
  const said = Array.isArray(warnings) ? { warnings: warnings as NonNullable<Outcome['warnings']> } : {};
  if (typeof prediction === 'string') return { prediction, ...said };
  const { code, message } = objectOf(error, 'a prediction or an error');
  return { error: { code: String(code), message: String(message) }, ...said };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong('JSON');
  }
}

function objectOf(value: unknown, expected: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(expected);
  return value as Readonly<Record<string, unknown>>;
}

function wrong(expected: string): QueueError {
  return new QueueError('QUEUE_MESSAGE', `Expected ${expected} in the queue, got something else.`, {
    hint: 'Run the same version of Pocketlens everywhere, and let nothing else write to this database.',
  });
}
