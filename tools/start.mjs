// `npm start`: builds what the command line needs (cached by Nx), then runs it.
// Only the program itself writes to stdout, so that the answer can be piped.
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const NOTICE_AFTER_MS = 3000;

async function build() {
  const nx = path.join(root, 'node_modules', 'nx', 'dist', 'bin', 'nx.js');
  const child = spawn(process.execPath, [nx, 'run', '@pocketlens/cli:build', '--output-style=static'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = [];
  child.stdout.on('data', (chunk) => log.push(chunk));
  child.stderr.on('data', (chunk) => log.push(chunk));
  const notice = setTimeout(
    () => process.stderr.write('Building Pocketlens (cached from the next start on) ...\n'),
    NOTICE_AFTER_MS,
  );
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(notice);
  if (code === 0) return true;
  process.stderr.write(Buffer.concat(log));
  process.stderr.write('error: the build failed; its output is above. Did `npm ci` finish?\n');
  return false;
}

if (await build()) {
  const cli = path.join(root, 'apps', 'cli', 'dist');
  const { commandNames } = await import(pathToFileURL(path.join(cli, 'index.js')).href);
  const given = process.argv.slice(2);
  const known = new Set([...commandNames, '--help', '-h', '--version', 'help']);
  const example = [path.join(root, 'examples', 'receipt.png'), '-p', 'What is the total?'];
  const args = given.length === 0 ? ['ask', ...example] : known.has(given[0]) ? given : ['ask', ...given];
  // npm runs scripts in the repository root; file names are meant from where the user stands.
  if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
  process.argv = [process.execPath, path.join(cli, 'main.js'), ...args];
  await import(pathToFileURL(process.argv[1]).href);
} else {
  process.exitCode = 1;
}
