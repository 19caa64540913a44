#!/usr/bin/env node
// npm links commands when it installs, before anything is built: so the linked file is this one, not the compiled one.
import { existsSync } from 'node:fs';
import process from 'node:process';

const main = new URL('../dist/main.js', import.meta.url);

if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('error: the command is not built yet\n       Run `npm run build` in the repository root.\n');
  process.exitCode = 1;
}
