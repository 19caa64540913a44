import { PredictionsError } from '../errors.js';
import { ColumnTyper, spreadsheetText, typedCell } from '../python/column.js';
import { type NumberedRecord, type PredictionRecord, readPredictionBatches } from './predictions-file.js';

/** A sample whose run failed. A symbol and not a text: a prediction may be any text. */
export const FAILED: unique symbol = Symbol('failed');

/** What is known of a sample: its answer, that it failed, or nothing. */
export type Prediction = string | typeof FAILED | undefined;

/** Looks predictions up, fastest in the order in which they were written. */
export interface PredictionReader {
  /** A promise only where something must be read first: waiting for each sample costs more than scoring it. */
  find(index: string): Prediction | Promise<Prediction>;
  close(): Promise<void>;
}

/** Predictions of a benchmark, read as often as wanted. */
export interface PredictionSet {
  reader(): PredictionReader;
}

/** How predictions are taken. */
export interface PredictionSetOptions {
  readonly benchmark: string;
  /** True where the established tool stores predictions in a spreadsheet, which changes some of them. */
  readonly isStoredAsSpreadsheet: boolean;
}

/**
 * Opens predictions: a file, or a record by index. Of a file only the place of each answer is held, never the answers, so
 * that memory does not depend on their length. The last answer of a sample counts; a failure never replaces an answer.
 *
 * @throws {PredictionsError} `PREDICTIONS_FORMAT` or `PREDICTIONS_MISMATCH`
 */
export async function openPredictions(
  source: string | Readonly<Record<string, string>>,
  options: PredictionSetOptions,
): Promise<PredictionSet> {
  const store = options.isStoredAsSpreadsheet ? new Spreadsheet() : undefined;
  if (typeof source !== 'string') {
    for (const prediction of Object.values(source)) store?.add(prediction);
    return { reader: () => recordReader(source, store) };
  }
  const places = await findPlaces(source, options.benchmark, store);
  return { reader: () => new FileReader(source, places, store) };
}

/** Refuses a line that another benchmark's run wrote. */
export function checkBelongs(record: PredictionRecord, benchmark: string, file: string): void {
  if (record.benchmark === undefined || record.benchmark === benchmark) return;
  throw new PredictionsError(
    'PREDICTIONS_MISMATCH',
    `Expected predictions for ${benchmark} in ${file}, got some for ${record.benchmark}.`,
    { hint: 'Give each benchmark its own predictions file.' },
  );
}

/** An empty prediction comes back as "nan"; if all are numbers, "007" comes back as "7". */
class Spreadsheet {
  #typer = new ColumnTyper();

  add(prediction: string): void {
    if (!this.#typer.isSettled) this.#typer.add(spreadsheetText(prediction));
  }

  restart(): void {
    this.#typer = new ColumnTyper();
  }

  read(prediction: string): string {
    return typedCell(spreadsheetText(prediction), this.#typer.type) ?? 'nan';
  }
}

const NO_ANSWER = 0;

interface Places {
  /** The line of each sample's last answer, `NO_ANSWER` where there are only failures. */
  readonly lines: ReadonlyMap<string, number>;
  /** True when every line is the only one of its sample, and an answer. */
  readonly isPlain: boolean;
}

async function findPlaces(file: string, benchmark: string, store: Spreadsheet | undefined): Promise<Places> {
  const lines = new Map<string, number>();
  let hasRepeated = false;
  let isPlain = true;
  for await (const batch of readPredictionBatches(file)) {
    for (const { line, record } of batch) {
      checkBelongs(record, benchmark, file);
      const before = lines.get(record.index);
      isPlain &&= before === undefined && 'prediction' in record;
      if ('prediction' in record) {
        hasRepeated ||= before !== undefined && before !== NO_ANSWER;
        lines.set(record.index, line);
        store?.add(record.prediction);
      } else if (before === undefined) {
        lines.set(record.index, NO_ANSWER);
      }
    }
  }
  if (!hasRepeated || store === undefined) return { lines, isPlain };
  // The type of the column depends on the answers that count, and on no others.
  store.restart();
  for await (const batch of readPredictionBatches(file)) {
    for (const { line, record } of batch) {
      if ('prediction' in record && lines.get(record.index) === line) store.add(record.prediction);
    }
  }
  return { lines, isPlain };
}

function recordReader(source: Readonly<Record<string, string>>, store: Spreadsheet | undefined): PredictionReader {
  return {
    find(index) {
      const prediction = Object.hasOwn(source, index) ? source[index] : undefined;
      return prediction === undefined || !store ? prediction : store.read(prediction);
    },
    close: () => Promise.resolve(),
  };
}

class FileReader implements PredictionReader {
  readonly #places: Places;
  readonly #store: Spreadsheet | undefined;
  readonly #batches: ReturnType<typeof readPredictionBatches>;
  #batch: readonly NumberedRecord[] = [];
  #at = 0;
  /** Answers that were read on the way to another one. */
  readonly #waiting = new Map<string, string>();

  constructor(file: string, places: Places, store: Spreadsheet | undefined) {
    this.#places = places;
    this.#store = store;
    this.#batches = readPredictionBatches(file);
  }

  find(index: string): Prediction | Promise<Prediction> {
    // The usual case: the samples come in the order of their answers.
    const next = this.#places.isPlain ? this.#batch[this.#at]?.record : undefined;
    if (next?.index === index && 'prediction' in next) {
      this.#at += 1;
      return this.#stored(next.prediction);
    }
    const line = this.#places.lines.get(index);
    if (line === undefined) return undefined;
    if (line === NO_ANSWER) return FAILED;
    const waiting = this.#takeWaiting(index);
    if (waiting !== undefined) return this.#stored(waiting);
    return this.#readOn(index).then((prediction) => (prediction === undefined ? undefined : this.#stored(prediction)));
  }

  #stored(prediction: string): string {
    return this.#store ? this.#store.read(prediction) : prediction;
  }

  #takeWaiting(index: string): string | undefined {
    const prediction = this.#waiting.get(index);
    if (prediction !== undefined) this.#waiting.delete(index);
    return prediction;
  }

  async #readOn(index: string): Promise<string | undefined> {
    for (;;) {
      while (this.#at < this.#batch.length) {
        const { line, record } = this.#batch[this.#at]!;
        this.#at += 1;
        if (!('prediction' in record) || this.#places.lines.get(record.index) !== line) continue;
        if (record.index === index) return record.prediction;
        this.#waiting.set(record.index, record.prediction);
      }
      const next = await this.#batches.next();
      if (next.done === true) return undefined;
      this.#batch = next.value;
      this.#at = 0;
    }
  }

  async close(): Promise<void> {
    await this.#batches.return();
  }
}
