export { commandNames } from './program.js';
export { runCli } from './run.js';
export type { CliIo, OutputStream } from './io.js';
export { ExitCode } from './errors.js';
