import type { JudgeProgress, RunProgress } from '@pocketlens/evaluation';
import { formatDuration } from '../format.js';
import type { CliIo } from '../io.js';
import { createProgress } from '../progress.js';

/** On what is no terminal, a line is written this often. */
const LINE_EVERY_MS = 30_000;

/** Tells how far a run or a judge is, on stderr: a line that changes on a terminal, now and then a line elsewhere. */
export interface EvaluationProgress {
  update(text: string, fraction: number): void;
  clear(): void;
}

/** `120 of 1000  2 failed  34.1/min  25:48 left  Final Score 86` */
export function describeRun({ answered, failed, total, samplesPerMinute, remainingMs, score }: RunProgress): string {
  const facts = [`${answered} of ${total}`];
  if (failed > 0) facts.push(`${failed} failed`);
  facts.push(`${samplesPerMinute.toFixed(1)}/min`, `${formatDuration(remainingMs / 1000)} left`);
  if (score !== undefined) facts.push(`${score.name} ${Number(score.value.toFixed(2))}`);
  return facts.join('  ');
}

/** `12 of 80 judged` */
export function describeJudging({ judged, total }: JudgeProgress): string {
  return `${judged} of ${total} judged`;
}

/** @param now - a clock in milliseconds */
export function createEvaluationProgress(io: CliIo, now: () => number = Date.now): EvaluationProgress {
  const line = createProgress(io, now);
  const isTerminal = io.stderr.isTTY === true;
  let writtenAt = now();
  return {
    update(text, fraction) {
      line.update(text, fraction);
      if (isTerminal || now() - writtenAt < LINE_EVERY_MS) return;
      writtenAt = now();
      io.stderr.write(`${text}\n`);
    },
    clear: () => line.clear(),
  };
}
