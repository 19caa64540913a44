// The worker of the page: pictures are decoded and models run here, so that the page never waits.
import { isPocketlensError, AbortError } from '@pocketlens/backend';
import { decodeImage, planSlices } from '@pocketlens/preprocessing';
import type { SliceOptions, SlicePlan } from '@pocketlens/preprocessing';
import { openModel } from '@pocketlens/runtime';
import type { ContentPart, Message, VisionLanguageModel } from '@pocketlens/runtime';
import { createBackend, openSource } from './backend.js';
import { readDtypes, readSliceOptions } from './model-facts.js';
import type { AskFinish, Capabilities, ErrorInfo, FromWorker, ModelInfo, ToWorker, WireMessage } from './protocol.js';

interface OpenedModel {
  readonly model: VisionLanguageModel;
  readonly slicing: SliceOptions;
}

const running = new Map<number, AbortController>();
let opened: OpenedModel | undefined;

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'stop') running.get(data.id)?.abort();
  else void serve(data);
});

async function serve(request: Exclude<ToWorker, { readonly type: 'stop' }>): Promise<void> {
  const { id } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    post({ type: 'result', id, value: await answer(request, controller.signal) });
  } catch (error) {
    post({ type: 'failed', id, error: describe(error) });
  } finally {
    running.delete(id);
  }
}

function answer(
  request: Exclude<ToWorker, { readonly type: 'stop' }>,
  signal: AbortSignal,
): Promise<Capabilities | ModelInfo | SlicePlan | AskFinish> {
  switch (request.type) {
    case 'probe':
      return probe();
    case 'open':
      return open(request, signal);
    case 'inspect':
      return inspect(request.image, signal);
    case 'ask':
      return ask(request, signal);
  }
}

async function probe(): Promise<Capabilities> {
  const { devices, missing } = await createBackend({ device: 'wasm' }).probe();
  return { devices, maxThreads: missing.threads === undefined ? navigator.hardwareConcurrency : 1 };
}

async function open(
  { id, model: choice, engine }: Extract<ToWorker, { readonly type: 'open' }>,
  signal: AbortSignal,
): Promise<ModelInfo> {
  const source = openSource(choice);
  const backend = createBackend(engine, ({ done, total }) => post({ type: 'loading', id, loaded: done, total }));
  const model = await openModel(source, {
    backend,
    signal,
    ...(engine.dtype === undefined ? {} : { dtype: engine.dtype }),
  });
  opened = { model, slicing: await readSliceOptions(source) };
  const { threads = 1 } = await backend.probe();
  return {
    name: model.config.name,
    dtype: model.dtype,
    dtypes: await readDtypes(source),
    device: engine.device,
    threads: engine.device === 'wasm' ? threads : 0,
    contextLength: model.contextLength,
    loadMs: model.loadMs,
  };
}

async function inspect(image: Blob, signal: AbortSignal): Promise<SlicePlan> {
  const { width, height } = await decodeImage(image, { signal });
  return planSlices(width, height, needModel().slicing);
}

async function ask(
  { id, messages, options }: Extract<ToWorker, { readonly type: 'ask' }>,
  signal: AbortSignal,
): Promise<AskFinish> {
  const tokenIds: number[] = [];
  const onProgress = (progress: { phase: 'encode' | 'prefill'; done: number; total: number }): void =>
    post({ type: 'progress', id, progress });
  for await (const part of needModel().model.chat(messages.map(toMessage), { ...options, signal, onProgress })) {
    if (part.type === 'text-delta') {
      tokenIds.push(...part.tokenIds);
      post({ type: 'text', id, text: part.text });
    } else {
      const { finishReason, usage, timings, warnings } = part;
      return { finishReason, usage, timings, warnings, tokenIds };
    }
  }
  throw new AbortError(signal.reason);
}

function toMessage({ role, text, images }: WireMessage): Message {
  if (images.length === 0) return { role, content: text };
  const parts = images.map((image): ContentPart => ({ type: 'image', image }));
  return { role, content: [...parts, { type: 'text', text }] };
}

function needModel(): OpenedModel {
  if (opened === undefined) throw new Error('no model is open');
  return opened;
}

function describe(error: unknown): ErrorInfo {
  if (!isPocketlensError(error))
    return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function post(message: FromWorker): void {
  self.postMessage(message, {});
}
