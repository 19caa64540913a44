import process from 'node:process';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`error: Pocketlens needs Node >= 20.19, this is ${process.versions.node}\n`);
  process.exit(1);
}

/** How long a native call may keep the process after Ctrl-C before the process ends without it. */
const GRACE_MS = 1000;

const { runCli } = await import('./run.js');
const interrupt = new AbortController();

// A native call cannot be stopped from here, and process.exit would wait for it. Dying by the signal does not.
function dieBySignal(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}

let handler: (() => void) | undefined;

process.on('SIGINT', () => {
  if (handler !== undefined) return handler();
  if (interrupt.signal.aborted) return dieBySignal();
  interrupt.abort(new Error('interrupted'));
  setTimeout(dieBySignal, GRACE_MS).unref();
});

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader (`| head -1`) has seen enough.
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interrupt.signal,
  onInterrupt: (taker) => {
    handler = taker;
    return () => (handler = undefined);
  },
});
// An open standard input would keep the process alive.
process.stdin.destroy();
