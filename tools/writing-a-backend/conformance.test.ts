import { describeBackendConformance } from '@pocketlens/backend-conformance';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { loggingBackend } from './logging-backend.js';

describeBackendConformance(() => loggingBackend(onnxruntimeNode({ threads: 1 }), () => {}), { dtypes: ['fp16'] });
