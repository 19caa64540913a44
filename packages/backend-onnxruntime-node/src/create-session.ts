import { dirname } from 'node:path';
import type { GraphFile } from '@pocketlens/backend-onnx';
import type { InferenceSession } from 'onnxruntime-node';
import type { OnnxRuntime } from './runtime.js';

/** Session options of this package: `extra` holds the settings of ONNX Runtime's session. */
export type SessionOptions = InferenceSession.SessionOptions & {
  readonly extra: { readonly session: Readonly<Record<string, unknown>> };
};

/** The options with more settings of the session; their values must be texts. */
export function withSettings(options: SessionOptions, settings: Readonly<Record<string, string>>): SessionOptions {
  return { ...options, extra: { session: { ...options.extra.session, ...settings } } };
}

/** Opens the graph at `located`, or its changed content over the same external data, which is mapped either way. */
export function createSession(
  runtime: OnnxRuntime,
  { content }: GraphFile,
  located: string,
  options: SessionOptions,
): Promise<InferenceSession> {
  if (content === undefined) return runtime.InferenceSession.create(located, options);
  const folder = { model_external_initializers_file_folder_path: dirname(located) };
  return runtime.InferenceSession.create(content, withSettings(options, folder));
}
