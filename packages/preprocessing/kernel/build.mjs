// Writes the compiled kernel into the source, where every runtime and bundler finds it: `npm run build:kernel`.
import { writeFileSync } from 'node:fs';
import { compileKernel } from './compile.mjs';

const base64 = Buffer.from(await compileKernel()).toString('base64');
writeFileSync(
  new URL('../src/resize/kernel-binary.ts', import.meta.url),
  `// Made from kernel/resample.ts by \`npm run build:kernel\`; a test compiles it again and compares.
// prettier-ignore
export const KERNEL_BASE64 =
  '${base64}';
`,
);
