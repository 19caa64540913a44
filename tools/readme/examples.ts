import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');
export const generatedFolder: string = path.join(import.meta.dirname, '.generated');

export interface Example {
  /** README and position of the block in it, for the test's name. */
  readonly name: string;
  readonly code: string;
  readonly file: string;
}

const TYPESCRIPT_BLOCK = /^```ts\n([\s\S]*?)^```/gm;

function readmes(): string[] {
  const folders = ['packages', 'apps'].flatMap((group) =>
    readdirSync(path.join(root, group)).map((name) => path.join(group, name)),
  );
  return ['', ...folders]
    .map((folder) => path.join(folder, 'README.md'))
    .filter((file) => existsSync(path.join(root, file)));
}

/** The TypeScript blocks of all READMEs, each written to a file of its own beside this one. */
export function writeExamples(): Example[] {
  rmSync(generatedFolder, { recursive: true, force: true });
  mkdirSync(generatedFolder, { recursive: true });
  const examples = readmes().flatMap((readme) => {
    const blocks = [...readFileSync(path.join(root, readme), 'utf8').matchAll(TYPESCRIPT_BLOCK)];
    return blocks.map((block, index) => ({
      name: `${readme} block ${index + 1}`,
      code: block[1] ?? '',
      file: path.join(generatedFolder, `${path.dirname(readme).replaceAll(path.sep, '-')}-${index + 1}.ts`),
    }));
  });
  // An example may have neither import nor export; `export {}` keeps it a module of its own.
  for (const { file, code } of examples) writeFileSync(file, `${code}\nexport {};\n`);
  return examples;
}
