import { describeBackendConformance } from '@pocketlens/backend-conformance';
import { onnxruntimeNode } from './index.js';

describeBackendConformance(() => onnxruntimeNode({ threads: 1 }), { readme: new URL('../README.md', import.meta.url) });
