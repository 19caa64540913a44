import type { CliIo } from './io.js';

const CLEAR_LINE = '\r\u001B[K';
const REDRAW_EVERY_MS = 80;
const BAR_WIDTH = 24;

/** A line on stderr that says what is going on; silent when nobody watches. */
export interface Progress {
  /** `fraction` 0..1 draws a bar. */
  update(text: string, fraction?: number): void;
  /** Removes the line. Nothing else may be written to the terminal before. */
  clear(): void;
}

const SILENT: Progress = { update: () => {}, clear: () => {} };

function bar(fraction: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  return `${'━'.repeat(filled)}${'╌'.repeat(BAR_WIDTH - filled)} ${String(Math.floor(fraction * 100)).padStart(3)} % `;
}

/** Draws only on a terminal that can rewrite a line. */
export function createProgress({ stderr, env }: CliIo, now: () => number = Date.now): Progress {
  if (stderr.isTTY !== true || env['TERM'] === 'dumb') return SILENT;
  let shown = false;
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    update(text, fraction) {
      const time = now();
      if (time - drawnAt < REDRAW_EVERY_MS && fraction !== 1) return;
      drawnAt = time;
      shown = true;
      const line = fraction === undefined ? text : `${bar(fraction)}${text}`;
      stderr.write(CLEAR_LINE + line.slice(0, Math.max(10, (stderr.columns ?? 80) - 1)));
    },
    clear() {
      if (shown) stderr.write(CLEAR_LINE);
      shown = false;
      drawnAt = Number.NEGATIVE_INFINITY;
    },
  };
}
