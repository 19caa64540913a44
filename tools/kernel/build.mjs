// Writes a compiled kernel into a package's source, where every runtime and bundler finds it: `npm run build:kernel` in the package.
// Usage: node build.mjs SOURCE TARGET
import { writeFileSync } from 'node:fs';
import { compileKernel } from './compile.mjs';

const [source, target] = process.argv.slice(2);
const base64 = Buffer.from(await compileKernel(source)).toString('base64');
writeFileSync(
  target,
  `// Made from ${source} by \`npm run build:kernel\`; a test compiles it again and compares.
// prettier-ignore
export const KERNEL_BASE64 =
  '${base64}';
`,
);
