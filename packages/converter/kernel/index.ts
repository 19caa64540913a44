// What `simd-int4.ts` and `simd-int8.ts` call: WebAssembly with 128-bit SIMD, in AssemblyScript. `npm run build:kernel` compiles it.
//
// Memory belongs to the callers, who pass addresses.

export { quantizeBlocks } from './int4';
export { quantizeRow } from './int8';
