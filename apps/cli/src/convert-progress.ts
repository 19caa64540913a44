import type { ConvertProgress } from '@pocketlens/converter';
import { formatBytes, formatDuration } from './format.js';
import type { CliIo } from './io.js';
import { createProgress } from './progress.js';

/** On what is no terminal, a line is written this often. */
const LINE_EVERY_MS = 10_000;

/** Tells how far a conversion is, on stderr: a line that changes on a terminal, now and then a line elsewhere. */
export interface ConversionProgress {
  update(event: ConvertProgress): void;
  clear(): void;
}

/** `1.2 GB of 4.7 GB  85.0 MB/s  0:41 left  onnx/decoder_model_merged_q4.onnx_data` */
export function describeProgress({
  file,
  bytesDone,
  bytesTotal,
  bytesPerSecond,
  secondsLeft,
}: ConvertProgress): string {
  const facts = [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`];
  if (bytesPerSecond !== undefined) facts.push(`${formatBytes(Math.round(bytesPerSecond))}/s`);
  if (secondsLeft !== undefined) facts.push(`${formatDuration(secondsLeft)} left`);
  return [...facts, file].join('  ');
}

/** @param now - a clock in milliseconds */
export function createConversionProgress(io: CliIo, now: () => number = Date.now): ConversionProgress {
  const line = createProgress(io, now);
  const isTerminal = io.stderr.isTTY === true;
  let writtenAt = now();
  let isResumeTold = false;
  return {
    update(event) {
      if (event.bytesResumed > 0 && !isResumeTold) {
        isResumeTold = true;
        line.clear();
        io.stderr.write('going on with an interrupted conversion (--no-resume starts anew)\n');
      }
      line.update(describeProgress(event), event.bytesTotal === 0 ? 1 : event.bytesDone / event.bytesTotal);
      if (isTerminal || now() - writtenAt < LINE_EVERY_MS) return;
      writtenAt = now();
      io.stderr.write(`${Math.floor((event.bytesDone / event.bytesTotal) * 100)} %  ${describeProgress(event)}\n`);
    },
    clear: () => line.clear(),
  };
}
