import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, loadedWith, packageName, readWorkspaces, root, sourceFiles, type Workspace } from './workspace.js';

// The fence between the rooms, without the help of any lint plugin.
const MAY_IMPORT: Record<string, readonly string[] | 'anything'> = {
  tokenizer: [],
  preprocessing: [],
  backend: [],
  'backend-conformance': ['backend', 'converter', 'model-tiny'],
  'backend-onnx': ['backend'],
  'backend-onnxruntime-node': ['backend', 'backend-onnx'],
  'backend-onnxruntime-web': ['backend', 'backend-onnx'],
  runtime: ['tokenizer', 'preprocessing', 'backend'],
  'file-lock': [],
  converter: ['backend', 'file-lock'],
  'model-tiny': [],
  'provider-openai': ['runtime'],
  'provider-transformers': ['runtime', 'preprocessing', 'backend'],
  cascade: ['runtime', 'backend'],
  evaluation: ['runtime', 'file-lock'],
  'evaluation-queue': ['evaluation', 'runtime'],
  server: ['runtime'],
  cli: 'anything',
  demo: 'anything',
};

/** Backends without a line above, as the generator makes them: alone, over ONNX sessions, or over another backend. */
const A_BACKEND_MAY = ['backend', 'backend-onnx', 'backend-onnxruntime-node'];

const workspaces = readWorkspaces();
const short = (name: string): string => name.replace('@pocketlens/', '');
const isOurs = (name: string): boolean => name.startsWith('@pocketlens/');

const isAdapter = ({ tags }: Workspace): boolean => tags.includes('scope:adapter');

function importedPackages(workspace: Workspace): Set<string> {
  const names = new Set<string>();
  for (const file of sourceFiles(workspace.folder)) {
    for (const { specifier } of importsOf(file)) {
      if (!specifier.startsWith('.') && !isBuiltin(specifier)) names.add(packageName(specifier));
    }
  }
  return names;
}

describe.each(workspaces)('$name', (workspace) => {
  const allowed = MAY_IMPORT[short(workspace.name)] ?? (isAdapter(workspace) ? A_BACKEND_MAY : undefined);

  it('depends only on the packages its place in the house allows', () => {
    expect(allowed, 'a new package needs a line in MAY_IMPORT').toBeDefined();
    if (allowed === 'anything') return;
    const ours = [...workspace.dependencies, ...importedPackages(workspace)].filter(isOurs).map(short);
    expect([...new Set(ours)].filter((name) => !allowed?.includes(name))).toEqual([]);
  });

  it('declares every package that its source imports', () => {
    const { name: own, dependencies, optionalPeers } = workspace;
    const undeclared = [...importedPackages(workspace)].filter(
      (name) => name !== own && !dependencies.has(name) && !optionalPeers.has(name),
    );
    expect(undeclared).toEqual([]);
  });

  it('loads an optional peer only when it is needed', () => {
    const eager = sourceFiles(workspace.folder).flatMap((file) =>
      importsOf(file)
        .filter(({ dynamic, typeOnly }) => !dynamic && !typeOnly)
        .map(({ specifier }) => packageName(specifier))
        .filter((name) => workspace.optionalPeers.has(name)),
    );
    expect(eager).toEqual([]);
  });

  it('imports nothing by a path that leaves the package', () => {
    const leaving = sourceFiles(workspace.folder).flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => path.relative(workspace.folder, path.resolve(path.dirname(file), specifier)))
        .filter((target) => target.startsWith('..')),
    );
    expect(leaving).toEqual([]);
  });

  it('has a tsconfig that references exactly the packages it depends on', () => {
    const file = path.join(workspace.folder, 'tsconfig.json');
    const { references = [] } = JSON.parse(readFileSync(file, 'utf8')) as { references?: { path: string }[] };
    const referenced = references.map((reference) => path.basename(reference.path)).toSorted();
    expect(referenced).toEqual([...workspace.dependencies].filter(isOurs).map(short).toSorted());
  });

  it.runIf(workspace.tags.includes('platform:any'))('loads no Node module from its default entry', () => {
    const entry = workspace.entries.get('.');
    const found = (entry === undefined ? [] : loadedWith(entry)).flatMap((file) =>
      importsOf(file)
        .filter(({ specifier, dynamic, typeOnly }) => !dynamic && !typeOnly && isBuiltin(specifier))
        .map(({ specifier }) => `${path.relative(root, file)}: ${specifier}`),
    );
    expect(found).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('finds the fence broken where it is broken', () => {
    const cli = workspaces.find(({ name }) => name === '@pocketlens/cli');
    expect(cli && importedPackages(cli)).toContain('commander');
    expect(packageName('@pocketlens/preprocessing/node')).toBe('@pocketlens/preprocessing');
    expect(packageName('node/x')).toBe('node');
  });
});
