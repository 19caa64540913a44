/** How far a download has come. */
export interface DownloadProgress {
  /** The file that has just moved. */
  readonly file: string;
  /** Whether another process is fetching that file, and this one waits for it. */
  readonly isShared: boolean;
  /** Bytes that are here, those of the cache included. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
  /** Over the last seconds; 0 until that can be told. */
  readonly bytesPerSecond: number;
  /** Seconds left at this rate; nothing while there is no rate. */
  readonly secondsLeft: number | undefined;
}

interface Moment {
  readonly at: number;
  readonly moved: number;
}

const WINDOW_MS = 5000;
const REPORT_EVERY_MS = 100;

/** Adds up the progress of files that move at the same time. */
export class ProgressMeter {
  readonly #report: (progress: DownloadProgress) => void;
  readonly #total: number;
  readonly #filesTotal: number;
  readonly #now: () => number;
  readonly #positions = new Map<string, number>();
  readonly #moments: Moment[] = [];
  #done = 0;
  #filesDone = 0;
  #moved = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(
    files: readonly { readonly size: number }[],
    report: (progress: DownloadProgress) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#report = report;
    this.#total = files.reduce((sum, { size }) => sum + size, 0);
    this.#filesTotal = files.length;
    this.#now = now;
  }

  /** `position` bytes of a file are here; `moved` of them have come just now. */
  set(
    file: string,
    position: number,
    { moved = 0, isShared = false }: { readonly moved?: number; readonly isShared?: boolean } = {},
  ): void {
    this.#done += position - (this.#positions.get(file) ?? 0);
    this.#positions.set(file, position);
    this.#moved += moved;
    this.#tell(file, isShared, false);
  }

  /** A file is complete. */
  finish(file: string, size: number): void {
    this.#done += size - (this.#positions.get(file) ?? 0);
    this.#positions.set(file, size);
    this.#filesDone += 1;
    this.#tell(file, false, true);
  }

  #tell(file: string, isShared: boolean, isImportant: boolean): void {
    const now = this.#now();
    if (!isImportant && now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    const bytesPerSecond = this.#rate(now);
    const left = this.#total - this.#done;
    this.#report({
      file,
      isShared,
      bytesDone: this.#done,
      bytesTotal: this.#total,
      filesDone: this.#filesDone,
      filesTotal: this.#filesTotal,
      bytesPerSecond,
      secondsLeft: left === 0 ? 0 : bytesPerSecond > 0 ? left / bytesPerSecond : undefined,
    });
  }

  #rate(now: number): number {
    this.#moments.push({ at: now, moved: this.#moved });
    while (this.#moments.length > 2 && now - (this.#moments[1]?.at ?? now) > WINDOW_MS) this.#moments.shift();
    const first = this.#moments[0];
    if (first === undefined || now <= first.at) return 0;
    return ((this.#moved - first.moved) / (now - first.at)) * 1000;
  }
}
