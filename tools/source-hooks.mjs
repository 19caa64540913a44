// Module hooks that read the repository's own packages from source, as the tests do.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const CONDITION = '@pocketlens/source';
const root = fileURLToPath(new URL('../', import.meta.url));
const cache = path.join(root, 'node_modules', '.cache', 'pocketlens-source');

const isTypeScript = (url) => url?.startsWith('file:') === true && url.endsWith('.ts');

export function resolve(specifier, context, nextResolve) {
  if (specifier.startsWith('.') && specifier.endsWith('.js') && isTypeScript(context.parentURL)) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return nextResolve(source.href, context);
  }
  return nextResolve(specifier, { ...context, conditions: [CONDITION, ...context.conditions] });
}

export async function load(url, context, nextLoad) {
  if (!isTypeScript(url)) return nextLoad(url, context);
  return { format: 'module', shortCircuit: true, source: await toJavaScript(await readFile(new URL(url), 'utf8')) };
}

/** Compiling takes longer than the tests that need it, so the outcome is kept by its content. */
async function toJavaScript(source) {
  const key = createHash('sha256').update(source).digest('hex');
  const file = path.join(cache, `${key}.js`);
  if (existsSync(file)) return readFile(file, 'utf8');
  const { default: compiler } = await import(createRequire(import.meta.url).resolve('typescript'));
  const { outputText } = compiler.transpileModule(source, {
    compilerOptions: { target: 'ES2022', module: 'ESNext', verbatimModuleSyntax: true },
  });
  await mkdir(cache, { recursive: true });
  const temporary = `${file}.${process.pid}.${Math.trunc(Math.random() * 2 ** 32)}`;
  await writeFile(temporary, outputText);
  await rename(temporary, file);
  return outputText;
}
