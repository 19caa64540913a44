import { describeBackendConformance } from '@pocketlens/backend-conformance';
import { onnxruntimeWeb } from './index.js';

describeBackendConformance(() => onnxruntimeWeb({ threads: 1, onWarning: () => undefined }), {
  readme: new URL('../README.md', import.meta.url),
});
