import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');

/** One workspace package as its package.json describes it. */
export interface Workspace {
  readonly folder: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** What comes with the package: `dependencies` and the peers it cannot do without. */
  readonly dependencies: ReadonlySet<string>;
  /** What the package uses where it is installed, by dynamic import. */
  readonly optionalPeers: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
  /** Source file behind each entry of `exports` that has one, by entry name ('.', './node'). */
  readonly entries: ReadonlyMap<string, string>;
}

interface Manifest {
  name: string;
  nx?: { tags?: string[] };
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  devDependencies?: Record<string, string>;
  exports?: Record<string, string | { '@pocketlens/source'?: string }>;
}

function readWorkspace(folder: string): Workspace {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
  const entries = new Map<string, string>();
  for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
    const source = typeof target === 'string' ? undefined : target['@pocketlens/source'];
    if (source !== undefined) entries.set(entry, path.join(folder, source));
  }
  const peers = Object.keys(manifest.peerDependencies ?? {});
  const isOptional = (name: string): boolean => manifest.peerDependenciesMeta?.[name]?.optional === true;
  return {
    folder,
    name: manifest.name,
    tags: manifest.nx?.tags ?? [],
    dependencies: new Set([...Object.keys(manifest.dependencies ?? {}), ...peers.filter((name) => !isOptional(name))]),
    optionalPeers: new Set(peers.filter(isOptional)),
    devDependencies: new Set(Object.keys(manifest.devDependencies ?? {})),
    entries,
  };
}

/** All packages and apps of the repository. */
export function readWorkspaces(): Workspace[] {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(path.join(root, group))
      .map((name) => path.join(root, group, name))
      .filter((folder) => existsSync(path.join(folder, 'package.json')))
      .map(readWorkspace),
  );
}

/** TypeScript files under `folder`/src, tests left out. */
export function sourceFiles(folder: string): string[] {
  const source = path.join(folder, 'src');
  if (!existsSync(source)) return [];
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.split(path.sep).includes('test'))
    .map((file) => path.join(source, file));
}

export interface ImportOf {
  readonly specifier: string;
  /** `import('x')` runs only when reached; everything else is loaded with the module. */
  readonly dynamic: boolean;
  readonly typeOnly: boolean;
}

const STATIC_IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** The module specifiers that a source file imports, comments ignored. */
export function importsOf(file: string): ImportOf[] {
  const text = readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  const found: ImportOf[] = [];
  for (const match of text.matchAll(STATIC_IMPORT)) {
    found.push({ specifier: match[2] ?? '', dynamic: false, typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(DYNAMIC_IMPORT)) {
    found.push({ specifier: match[1] ?? '', dynamic: true, typeOnly: false });
  }
  return found;
}

/** 'a' for 'a/b', '@x/a' for '@x/a/b'. */
export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Source files reachable from `entry` by static, non-type relative imports. */
export function loadedWith(entry: string): string[] {
  const seen = new Set<string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file) || !existsSync(file)) continue;
    seen.add(file);
    for (const { specifier, dynamic, typeOnly } of importsOf(file)) {
      if (dynamic || typeOnly || !specifier.startsWith('.')) continue;
      queue.push(path.resolve(path.dirname(file), specifier.replace(/\.js$/, '.ts')));
    }
  }
  return [...seen];
}
