import path from 'node:path';
import process from 'node:process';
import { generateFiles, names, updateJson } from '@nx/devkit';

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * Makes the package of a new backend.
 *
 * Its parts hand every call on to onnxruntime-node, so that the suite passes from the start: they are replaced one by one.
 */
export function backendGenerator(tree, { name: given }) {
  const name = given.replace(/^backend-/, '');
  if (!NAME.test(name)) {
    throw new Error(`Expected lower-case words joined by hyphens for name but received ${JSON.stringify(given)}`);
  }
  const folder = `packages/backend-${name}`;
  if (tree.exists(`${folder}/package.json`)) {
    throw new Error(`${folder} exists: take another name, or delete it first`);
  }
  const { className, propertyName } = names(name);
  generateFiles(tree, path.join(import.meta.dirname, 'files'), folder, { name, className, propertyName, template: '' });
  tree.write(`.changeset/backend-${name}-first.md`, changeset(name));
  updateJson(tree, 'tsconfig.json', (config) => {
    config.references.push({ path: folder });
    return config;
  });
  return () => {
    process.stdout.write(
      `\nNext: npm install, then npx vitest run ${folder}, then docs/writing-a-backend.md tells how to go on.\n`,
    );
  };
}

function changeset(name) {
  return `---\n"@pocketlens/backend-${name}": minor\n---\n\nRuns Pocketlens models on ${name}.\n`;
}
