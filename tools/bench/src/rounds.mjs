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
 * none is always the first after another.
 *
 * @returns { results: [{ peer, variant, round, busyShare, report }], failures: [{ peer, variant, round, message }] }
 */
export async function interleave(runs, { rounds, wait, busy }) {
  const results = [];
  const failures = [];
  const interrupt = new AbortController();
  const stop = () => interrupt.abort();
  process.once('SIGINT', stop);
  for (let round = 0; round < rounds; round++) {
    const turned = runs.map((_, index) => runs[(index + round) % runs.length]);
    for (const { peer, variant, command, options } of turned) {
      if (interrupt.signal.aborted) break;
      const share = await awaitQuiet({ wait, busy });
      process.stderr.write(`round ${round + 1} of ${rounds}: ${peer}, ${variant}\n`);
      try {
        results.push({ peer, variant, round, busyShare: share, report: await runForJson(command, options) });
      } catch (error) {
        if (interrupt.signal.aborted) break;
        failures.push({ peer, variant, round, message: error.message });
        process.stderr.write(`  failed: ${error.message}\n`);
      }
    }
  }
  process.off('SIGINT', stop);
  if (interrupt.signal.aborted) throw new Error('interrupted; nothing was written');
  return { results, failures };
}
