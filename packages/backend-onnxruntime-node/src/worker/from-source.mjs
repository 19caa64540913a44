// Starts the worker from TypeScript: Node.js 20 cannot read it by itself.
import { register } from 'node:module';

register('../../../../tools/source-hooks.mjs', import.meta.url);
await import('./entry.ts');
