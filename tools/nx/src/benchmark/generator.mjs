import path from 'node:path';
import process from 'node:process';
import { generateFiles, names } from '@nx/devkit';

const NAME = /^[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*$/;
const PACKAGE = 'packages/evaluation';
const FOLDER = `${PACKAGE}/src/benchmarks`;
const REGISTRY = `${FOLDER}/registry.ts`;

/**
 * Makes a benchmark.
 *
 * It works from the start, for questions with one accepted answer: loader, prompt, scorer and aggregator are replaced one by one.
 */
export function benchmarkGenerator(tree, { name }) {
  if (!NAME.test(name)) {
    throw new Error(`Expected letters and digits, joined by - or _, for name but received ${JSON.stringify(name)}`);
  }
  const { fileName, propertyName, className } = names(name);
  const file = `${FOLDER}/${fileName}.ts`;
  const dataset = /[A-Z]/.test(name) ? name : className;
  const registry = tree.read(REGISTRY, 'utf-8');
  if (tree.exists(file) || new RegExp(`^import .*\\b${propertyName}\\b`, 'm').test(registry)) {
    throw new Error(`a benchmark ${propertyName} exists: take another name, or delete it first`);
  }
  generateFiles(tree, path.join(import.meta.dirname, 'files'), FOLDER, {
    fileName,
    propertyName,
    dataset,
    template: '',
  });
  tree.write(REGISTRY, register(registry, propertyName, fileName));
  tree.write(`.changeset/evaluation-${fileName}.md`, changeset(dataset));
  return () => {
    process.stdout.write(
      `\nNext: npx vitest run ${FOLDER}/${fileName}.test.ts, then docs/writing-a-benchmark.md tells how to go on.\n`,
    );
  };
}

function register(registry, propertyName, fileName) {
  const imported = insertBefore(
    registry,
    '\n/** Every benchmark',
    `import { ${propertyName} } from './${fileName}.js';\n`,
  );
  const start = imported.indexOf('export const benchmarks');
  const end = imported.indexOf('\n];', start);
  if (start === -1 || end === -1) throw new Error(`Expected a list "benchmarks" in ${REGISTRY}`);
  return `${imported.slice(0, end)}\n  ${propertyName},${imported.slice(end)}`;
}

function insertBefore(text, mark, line) {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`Expected "${mark.trim()}" in ${REGISTRY}`);
  return text.slice(0, at) + line + text.slice(at);
}

function changeset(dataset) {
  return `---\n"@pocketlens/evaluation": minor\n---\n\nThe benchmark ${dataset}.\n`;
}
