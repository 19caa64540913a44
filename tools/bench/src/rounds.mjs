// Interleaved rounds: every peer once per round, each time in a new process.
import { spawn } from 'node:child_process';
import { awaitQuiet } from './machine.mjs';

/** Runs a command and reads the one JSON object that it prints. */
export async function runForJson([command, ...args], { cwd, env } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const stop = () => child.kill('SIGINT');
  process.once('SIGINT', stop);
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...ended) => resolve(ended));
  }).finally(() => process.off('SIGINT', stop));
  if (code !== 0) {
    const words = stderr.trim().split('\n').slice(-3).join(' | ');
    throw new Error(`${signal ?? `exit ${code}`}: ${words || stdout.slice(-300)}`);
  }
  return JSON.parse(stdout);
}

/**
 * `runs` are { peer, variant, command, options } in the order of a round. The order turns by one each round, so that
 * none is always the first after another. Where it is interrupted or the machine does not become quiet, what was measured until then is
 * the outcome, and the failures end with why nothing followed.
 *
 * @returns { results: [{ peer, variant, round, busyShare, report }], failures: [{ peer, variant, round, message }] }
 * @throws Error when it ends like that before anything was measured
 */
export async function interleave(runs, { rounds, wait, busy }) {
  const results = [];
  const failures = [];
  const interrupt = new AbortController();
  const stop = () => interrupt.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  const { signal } = interrupt;
  try {
    for (const { round, peer, variant, command, options } of inTurns(runs, rounds)) {
      let busyShare;
      try {
        busyShare = await awaitQuiet({ wait, busy, signal });
        process.stderr.write(`round ${round + 1} of ${rounds}: ${peer}, ${variant}\n`);
        results.push({ peer, variant, round, busyShare, report: await runForJson(command, options) });
      } catch (error) {
        const cause = signal.reason ?? error;
        const isOver = signal.aborted || busyShare === undefined;
        if (isOver && results.length === 0) throw new Error(`${cause.message}; nothing was written`, { cause: error });
        failures.push({ peer, variant, round, message: cause.message });
        process.stderr.write(`  failed: ${cause.message}\n`);
        if (isOver) break;
      }
    }
  } finally {
    process.off('SIGINT', stop);
  }
  return { results, failures };
}

function* inTurns(runs, rounds) {
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < runs.length; index++) yield { round, ...runs[(index + round) % runs.length] };
  }
}
