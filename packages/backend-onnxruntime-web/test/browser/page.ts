import type { BackendReport } from '@pocketlens/backend';
import { preprocess } from '@pocketlens/preprocessing';
import { openModel } from '@pocketlens/runtime';
import { DirectoryHandleSource, FileListSource, onnxruntimeWeb, UrlSource } from '@pocketlens/backend-onnxruntime-web';
import type { DirectoryHandle, OnnxRuntimeWebOptions } from '@pocketlens/backend-onnxruntime-web';
import type { ModelSource } from '@pocketlens/backend';

/** What the test asks of the page; functions cannot cross to it. */
export interface PageRequest {
  readonly options: Pick<OnnxRuntimeWebOptions, 'device' | 'threads'>;
  readonly pictures: readonly string[];
  readonly question: string;
  readonly maxNewTokens: number;
  readonly from: 'address' | 'folder' | 'files';
  /** Where the model runs; default: in a worker. */
  readonly inPage?: boolean;
  /** What shall not be found. */
  readonly lost?: 'engine' | 'worker';
}

export interface PageAnswer {
  readonly isolated: boolean;
  readonly report: BackendReport;
  readonly warnings: readonly string[];
  readonly progress: readonly [done: number, total: number];
  readonly ids: readonly (readonly number[])[];
  readonly texts: readonly string[];
  /** SHA-256 of the values of all slices. */
  readonly slices: readonly string[];
  readonly encodeMs: readonly number[];
  readonly prefillMs: readonly number[];
  readonly decodeMs: readonly number[];
  /** Longest time for which the page could not do anything else, while it answered. */
  readonly longestGapMs: number;
}

/** A prompt for the golden model; typed arrays do not cross to the page. */
export interface ScoreRequest {
  readonly device: 'wasm' | 'webgpu';
  readonly ids: readonly number[];
  readonly imageBounds: readonly (readonly [start: number, end: number])[];
  readonly slices: readonly {
    readonly pixelValues: readonly number[];
    readonly targetSize: readonly [rows: number, columns: number];
  }[];
}

/** Globals of browsers that Node's types lack. */
interface Browser {
  readonly crossOriginIsolated: boolean;
  readonly navigator: { readonly storage: { getDirectory(): Promise<WritableDirectory> } };
  answer?: (request: PageRequest) => Promise<PageAnswer>;
  score?: (request: ScoreRequest) => Promise<readonly number[]>;
}

interface WritableDirectory extends DirectoryHandle {
  getDirectoryHandle(name: string, options?: { readonly create: boolean }): Promise<WritableDirectory>;
  getFileHandle(
    name: string,
    options?: { readonly create: boolean },
  ): Promise<{
    getFile(): Promise<Blob>;
    createWritable(): Promise<{ write(data: Uint8Array): Promise<void>; close(): Promise<void> }>;
  }>;
}

const browser = globalThis as unknown as Browser;
const ENGINE = new URL('engine/', import.meta.url).href;
const WORKER = new URL('worker.js', import.meta.url);

browser.answer = async ({ options, pictures, question, maxNewTokens, from, inPage, lost }) => {
  const warnings: string[] = [];
  let progress: readonly [number, number] = [0, 0];
  const backend = onnxruntimeWeb({
    ...options,
    wasmPaths: lost === 'engine' ? `${ENGINE}nowhere/` : ENGINE,
    worker: inPage !== true && (lost === 'worker' ? new URL('nowhere.js', import.meta.url) : WORKER),
    onWarning: ({ code }) => warnings.push(code),
    onProgress: ({ done, total }) => (progress = [done, total]),
  });
  const model = await openModel(await source(from), { backend });
  const results = [];
  const slices: string[] = [];
  const watch = watchGaps();
  for (const picture of pictures) {
    const image = new Uint8Array(await (await fetch(picture)).arrayBuffer());
    slices.push(await digest(await preprocess(image)));
    const content = [
      { type: 'image', image },
      { type: 'text', text: question },
    ] as const;
    results.push(await model.generate([{ role: 'user', content }], { maxNewTokens }));
  }
  const longestGapMs = watch();
  await model.dispose();
  return {
    isolated: browser.crossOriginIsolated,
    report: await backend.probe(),
    warnings,
    progress,
    ids: results.map(({ tokenIds }) => tokenIds),
    texts: results.map(({ text }) => text),
    slices,
    encodeMs: results.map(({ timings }) => timings.encodeMs),
    prefillMs: results.map(({ timings }) => timings.prefillMs),
    decodeMs: results.map(({ timings }) => timings.decodeMs),
    longestGapMs,
  };
};

/** The logits of the last position. */
browser.score = async ({ device, ids, imageBounds, slices }) => {
  const backend = onnxruntimeWeb({ device, wasmPaths: ENGINE, worker: WORKER });
  const model = await openModel(new UrlSource('golden'), { backend });
  const logits = await model.forward({
    ids,
    imageBounds,
    slices: slices.map(({ pixelValues, targetSize }) => ({ pixelValues: Float32Array.from(pixelValues), targetSize })),
  });
  await model.dispose();
  return Array.from(logits.subarray(-model.config.vocabSize));
};

async function source(from: PageRequest['from']): Promise<ModelSource> {
  if (from === 'address') return new UrlSource('model');
  const files = await downloadModel();
  if (from === 'files') {
    return new FileListSource(
      [...files].map(([path, bytes]) => {
        const file = new File([bytes], path.slice(path.lastIndexOf('/') + 1));
        // What `<input webkitdirectory>` gives; a page cannot set it.
        return Object.defineProperty(file, 'webkitRelativePath', { value: `tiny/${path}` });
      }),
    );
  }
  const root = await browser.navigator.storage.getDirectory();
  for (const [path, bytes] of files) await write(root, path.split('/'), bytes);
  return new DirectoryHandleSource(root);
}

async function downloadModel(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const manifest = (await (await fetch('model/pocketlens.json')).json()) as {
    readonly files: readonly { readonly path: string }[];
  };
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of ['pocketlens.json', ...manifest.files.map((file) => file.path)]) {
    files.set(path, new Uint8Array(await (await fetch(`model/${path}`)).arrayBuffer()));
  }
  return files;
}

async function write(root: WritableDirectory, path: readonly string[], bytes: Uint8Array): Promise<void> {
  let folder = root;
  for (const name of path.slice(0, -1)) folder = await folder.getDirectoryHandle(name, { create: true });
  const writable = await (await folder.getFileHandle(path.at(-1)!, { create: true })).createWritable();
  await writable.write(bytes);
  await writable.close();
}

async function digest({ slices }: Awaited<ReturnType<typeof preprocess>>): Promise<string> {
  const bytes = new Uint8Array(await new Blob(slices.map(({ pixelValues }) => pixelValues.slice())).arrayBuffer());
  return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/** Looks how late a timer comes. */
function watchGaps(): () => number {
  let [last, longest] = [performance.now(), 0];
  const look = (): void => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(look, 5);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}
