// Proves that every published package can be packed and imported as its package.json says.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => path.join(root, 'node_modules', '.bin', name);

const folders = ['packages', 'apps'].flatMap((group) =>
  readdirSync(path.join(root, group))
    .map((name) => path.join(root, group, name))
    .filter((folder) => existsSync(path.join(folder, 'package.json'))),
);

let failed = 0;
for (const folder of folders) {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (manifest.private) continue;
  const checks = [
    [bin('publint'), ['--strict', folder]],
    [bin('attw'), ['--pack', folder, '--profile', 'esm-only', '--format', 'ascii']],
  ];
  for (const [command, args] of checks) {
    try {
      execFileSync(command, args, { cwd: root, stdio: 'pipe' });
      console.log(`ok     ${manifest.name}: ${path.basename(command)}`);
    } catch (error) {
      failed += 1;
      console.error(
        `FAILED ${manifest.name}: ${path.basename(command)}\n${error.stdout ?? error}\n${error.stderr ?? ''}`,
      );
    }
  }
}
process.exitCode = failed === 0 ? 0 : 1;
