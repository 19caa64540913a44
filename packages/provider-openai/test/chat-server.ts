import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A request for a chat completion, as it came over the wire. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly ChatContent[] }[];
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly [field: string]: unknown;
}

export interface ChatContent {
  readonly type: string;
  readonly text?: string;
  readonly image_url?: { readonly url: string };
}

/** What the server does with a request. */
export type ChatBehaviour =
  | { readonly text: string; readonly finishReason?: string; readonly delayMs?: number; readonly usage?: false }
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  /** Sends as much of the answer, then closes the connection. */
  | { readonly breakAfter: string }
  /** Sends as much of the answer, then nothing more. */
  | { readonly hangAfter: string }
  | { readonly raw: string };

export interface Received {
  readonly body: ChatRequest;
  readonly headers: IncomingMessage['headers'];
  /** Fires when the client went away before its answer was complete. */
  readonly closed: Promise<unknown>;
}

/** An HTTP server on this machine that speaks the chat part of OpenAI's protocol. */
export class ChatServer implements AsyncDisposable {
  readonly received: Received[] = [];
  /** What the list of models tells besides the name. */
  facts: Readonly<Record<string, unknown>> = {};
  readonly #server: Server;
  #behave: (request: ChatRequest, count: number) => ChatBehaviour;

  private constructor(behave: (request: ChatRequest, count: number) => ChatBehaviour) {
    this.#behave = behave;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  static async start(behave: (request: ChatRequest, count: number) => ChatBehaviour): Promise<ChatServer> {
    const server = new ChatServer(behave);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get baseUrl(): string {
    return `http://${this.host}/v1`;
  }

  set behave(behave: (request: ChatRequest, count: number) => ChatBehaviour) {
    this.received.length = 0;
    this.#behave = behave;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/v1/models') {
      return sendJson(response, 200, {
        object: 'list',
        data: [{ id: 'eye', object: 'model', created: Date.now(), owned_by: 'x', ...this.facts }],
      });
    }
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
      return sendJson(response, 404, { error: { message: `no route ${request.url}` } });
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
    if (!Array.isArray(body.messages)) return sendJson(response, 400, { error: { message: 'messages are missing' } });
    this.received.push({ body, headers: request.headers, closed: once(response, 'close') });
    await respond(response, body, this.#behave(body, this.received.length));
  }
}

async function respond(response: ServerResponse, request: ChatRequest, behaviour: ChatBehaviour): Promise<void> {
  if ('status' in behaviour) return sendJson(response, behaviour.status, behaviour.body ?? {}, behaviour.headers);
  if ('raw' in behaviour) return void response.writeHead(200, { 'content-type': 'text/html' }).end(behaviour.raw);
  if ('text' in behaviour) {
    if (behaviour.delayMs !== undefined) await delay(behaviour.delayMs);
    return request.stream === true ? stream(response, request, behaviour) : whole(response, request, behaviour);
  }
  const part = 'breakAfter' in behaviour ? behaviour.breakAfter : behaviour.hangAfter;
  if (request.stream === true) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event(request, { delta: { content: part }, finish_reason: null }));
  } else {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write(`{"choices": [{"message": {"content": ${JSON.stringify(part).slice(0, -1)}`);
  }
  if ('breakAfter' in behaviour) setTimeout(() => response.destroy(), 20);
}

type Answer = Extract<ChatBehaviour, { readonly text: string }>;

const tokens = (text: string): string[] => text.match(/\s*\S+|\s+$/g) ?? [];

const usageOf = (text: string): object => ({
  prompt_tokens: 11,
  completion_tokens: tokens(text).length,
  total_tokens: 11 + tokens(text).length,
  prompt_tokens_details: { cached_tokens: 4 },
});

function whole(response: ServerResponse, { model }: ChatRequest, { text, finishReason, usage }: Answer): void {
  sendJson(response, 200, {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finishReason ?? 'stop' }],
    ...(usage === false ? {} : { usage: usageOf(text) }),
  });
}

function stream(response: ServerResponse, request: ChatRequest, { text, finishReason, usage }: Answer): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(event(request, { delta: { role: 'assistant', content: '' }, finish_reason: null }));
  for (const token of tokens(text)) response.write(event(request, { delta: { content: token }, finish_reason: null }));
  response.write(event(request, { delta: {}, finish_reason: finishReason ?? 'stop' }));
  if (usage !== false && request.stream_options?.include_usage === true) {
    response.write(
      `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [], usage: usageOf(text) })}\n\n`,
    );
  }
  response.end('data: [DONE]\n\n');
}

function event({ model }: ChatRequest, choice: object): string {
  const chunk = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 0,
    model,
    choices: [{ index: 0, ...choice }],
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
