import { FileListSource, onnxruntimeWeb, UrlSource } from '@pocketlens/backend-onnxruntime-web';
import type { ListedFile, ReadProgress, WebBackend } from '@pocketlens/backend-onnxruntime-web';
import type { ModelSource } from '@pocketlens/backend';
import type { EngineChoice, ModelChoice, ModelFolderFile } from './protocol.js';

/** The engine of the page. It computes in a worker of its own, so that the one that calls hears when it is to stop. */
export function createBackend(engine: EngineChoice, onProgress?: (progress: ReadProgress) => void): WebBackend {
  return onnxruntimeWeb({
    device: engine.device,
    ...(engine.threads === undefined ? {} : { threads: engine.threads }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/** Where the files of a model are read from. */
export function openSource(model: ModelChoice): ModelSource {
  if (model.kind === 'embedded') return new UrlSource(model.address);
  return new FileListSource(model.files.map(withPath));
}

/** A `File` loses the path of its folder on the way to a worker. */
function withPath({ path, file }: ModelFolderFile): ListedFile {
  return Object.defineProperty(file, 'webkitRelativePath', { value: path });
}
