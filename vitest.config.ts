import { existsSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their TypeScript source: tests never need a build.
const conditions = ['@pocketlens/source', 'node', 'import', 'module', 'default'];

const root = import.meta.dirname;

const workspaces: string[] = ['packages', 'apps'].flatMap((folder) =>
  readdirSync(`${root}/${folder}`)
    .filter((name) => existsSync(`${root}/${folder}/${name}/package.json`))
    .map((name) => `${folder}/${name}`),
);

const project = (name: string, folder: string) => ({
  extends: true as const,
  test: {
    name,
    include: [`${folder}/**/*.test.ts`],
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
});

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      ...workspaces.map((folder) => project(folder.slice(folder.indexOf('/') + 1), folder)),
      project('tools', 'tools'),
    ],
  },
});
