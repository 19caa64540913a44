import { ColumnTyper, type ColumnType, typedCell } from '../python/column.js';
import { parsePythonList } from '../python/literal.js';
import { DatasetError } from '../errors.js';
import { dirname, isAbsolute, join } from 'node:path';
import type { Dataset, ImageSource, Sample } from './sample.js';
import { readTsvRecords, type TsvRecord } from './tsv-records.js';

/** Where images that the table only names are looked for. */
export interface TsvDatasetOptions {
  /** Folder that `image_path` is relative to; default the folder of the file. */
  readonly imageRoot?: string;
}

// Shorter image cells are the index of the row that holds the image.
const LONGEST_REFERENCE = 64;
const MOST_CACHED_IMAGES = 8;
const LIST_OPENING = '['.charCodeAt(0);

/**
 * Opens a dataset in the tab-separated format of VLMEvalKit. The file is read twice, row by row, and never held: the
 * first pass finds the column types and the rows that others take their image from.
 *
 * @param file - path of `NAME.tsv`
 * @throws {DatasetError} `DATASET_FORMAT` for a broken table, `DATASET_IMAGE` for an image reference that leads nowhere
 * @source VLMEvalKit, `image_base.py` and `pandas.read_csv`
 */
export async function openTsvDataset(file: string, options: TsvDatasetOptions = {}): Promise<Dataset> {
  const layout = await scan(file);
  return {
    file,
    columns: layout.columns,
    count: layout.count,
    dropped: layout.dropped,
    samples: () => new SampleReader(file, layout, options.imageRoot ?? dirname(file)).samples(),
  };
}

interface Layout {
  readonly columns: readonly string[];
  readonly types: readonly ColumnType[];
  readonly count: number;
  readonly dropped: number;
  /** Byte offset of each row that another row takes its image from, by index. */
  readonly sources: ReadonlyMap<string, number>;
}

async function scan(file: string): Promise<Layout> {
  let columns: string[] | undefined;
  let typers: ColumnTyper[] = [];
  let imageColumn = -1;
  let rows = 0;
  let dropped = 0;
  const references = new Set<string>();
  const offsets = new Map<string, number>();
  for await (const record of readTsvRecords(file)) {
    if (!columns) {
      columns = uniqueNames(record.cells.map(String));
      typers = columns.map(() => new ColumnTyper());
      imageColumn = columns.indexOf('image');
      requireIndex(file, columns);
      continue;
    }
    const cells = padded(file, record, columns.length);
    for (const [at, typer] of typers.entries()) {
      if (at !== imageColumn && !typer.isSettled) typer.add(cells[at]!.toString());
    }
    rows += 1;
    if (imageColumn === -1) continue;
    const image = cells[imageColumn]!;
    const cell = isReference(image) ? typedCell(image.toString(), 'text') : '';
    if (cell === null) dropped += 1;
    else if (isReference(image)) references.add(cell);
    else offsets.set(cells[columns.indexOf('index')]!.toString(), record.offset);
  }
  if (!columns) throw new DatasetError('DATASET_FORMAT', `Expected a header line in ${file}, got an empty file.`);
  const types = typers.map((typer) => typer.type);
  const indexType = types[columns.indexOf('index')]!;
  return {
    columns,
    types,
    count: rows - dropped,
    dropped,
    sources: sourcesOf(file, references, offsets, indexType),
  };
}

function sourcesOf(
  file: string,
  references: ReadonlySet<string>,
  offsets: ReadonlyMap<string, number>,
  indexType: ColumnType,
): Map<string, number> {
  const byIndex = new Map<string, number>();
  for (const [cell, offset] of offsets) {
    const index = typedCell(cell, indexType) ?? 'nan';
    if (references.has(index)) byIndex.set(index, offset);
  }
  for (const reference of references) {
    if (byIndex.has(reference)) continue;
    throw new DatasetError(
      'DATASET_IMAGE',
      `Expected a row with index "${reference}" that holds an image in ${file}.`,
      {
        hint: 'An image cell of up to 64 characters is the index of the row whose image is meant.',
      },
    );
  }
  return byIndex;
}

function requireIndex(file: string, columns: readonly string[]): void {
  if (columns.includes('index') && columns.includes('question')) return;
  throw new DatasetError(
    'DATASET_FORMAT',
    `Expected the columns "index" and "question" in ${file}, got ${columns.slice(0, 12).join(', ') || 'none'}.`,
    { hint: 'The file must be tab-separated with a header line.' },
  );
}

function padded(file: string, record: TsvRecord, width: number): readonly Buffer[] {
  if (record.cells.length > width) {
    throw new DatasetError(
      'DATASET_FORMAT',
      `Expected ${width} cells in a row of ${file}, got ${record.cells.length} at byte ${record.offset}.`,
    );
  }
  const missing = width - record.cells.length;
  return missing === 0 ? record.cells : [...record.cells, ...Array.from({ length: missing }, () => Buffer.alloc(0))];
}

// A repeated column name gets a number, as in pandas: "A", "A.1".
function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return count === 0 ? name : `${name}.${count}`;
  });
}

class SampleReader {
  readonly #file: string;
  readonly #layout: Layout;
  readonly #imageRoot: string;
  readonly #cache = new Map<string, Buffer>();

  constructor(file: string, layout: Layout, imageRoot: string) {
    this.#file = file;
    this.#layout = layout;
    this.#imageRoot = imageRoot;
  }

  async *samples(): AsyncGenerator<Sample, void, undefined> {
    const imageColumn = this.#layout.columns.indexOf('image');
    let isHeader = true;
    for await (const record of readTsvRecords(this.#file)) {
      if (isHeader) {
        isHeader = false;
        continue;
      }
      const cells = padded(this.#file, record, this.#layout.columns.length);
      const image = imageColumn === -1 ? undefined : cells[imageColumn]!;
      if (image !== undefined && isReference(image) && typedCell(image.toString(), 'text') === null) continue;
      // Waiting costs more than all else that is done for a row, so it is left out where there is nothing to wait for.
      const encoded = image !== undefined && isReference(image) ? await this.#imageOf(image.toString()) : image;
      yield this.#sample(cells, encoded);
    }
  }

  #sample(cells: readonly Buffer[], encoded: Buffer | undefined): Sample {
    const { columns, types } = this.#layout;
    const texts: Record<string, string | null> = {};
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at]!;
      if (column !== 'image') texts[column] = typedCell(cells[at]!.toString(), types[at]!);
    }
    const row = { index: texts['index'] ?? 'nan', cells: texts };
    if (encoded === undefined) {
      const paths = listOf(texts['image_path'] ?? null);
      const images = (): ImageSource[] => paths.map((path) => ({ type: 'path', path: this.#resolve(path) }));
      return { ...row, imageCount: paths.length, images: () => Promise.resolve(images()) };
    }
    // The text of a picture is large, and scoring never needs it.
    if (encoded[0] !== LIST_OPENING) {
      return { ...row, imageCount: 1, images: () => Promise.resolve([decode(encoded.toString('latin1'))]) };
    }
    const items = listOf(encoded.toString());
    return { ...row, imageCount: items.length, images: () => Promise.resolve(items.map(decode)) };
  }

  #resolve(path: string): string {
    return isAbsolute(path) ? path : join(this.#imageRoot, path);
  }

  async #imageOf(index: string): Promise<Buffer> {
    const cached = this.#cache.get(index);
    if (cached !== undefined) return cached;
    const imageColumn = this.#layout.columns.indexOf('image');
    for await (const record of readTsvRecords(this.#file, this.#layout.sources.get(index)!)) {
      const image = Buffer.from(record.cells[imageColumn]!);
      if (this.#cache.size >= MOST_CACHED_IMAGES) this.#cache.delete(this.#cache.keys().next().value!);
      this.#cache.set(index, image);
      return image;
    }
    throw new DatasetError('DATASET_IMAGE', `The image of row "${index}" is no longer in ${this.#file}.`);
  }
}

function listOf(cell: string | null): string[] {
  if (cell === null) return [];
  return cell.startsWith('[') && cell.endsWith(']') ? (parsePythonList(cell) ?? [cell]) : [cell];
}

function isReference(image: Buffer): boolean {
  return image.length <= LONGEST_REFERENCE;
}

function decode(base64: string): ImageSource {
  return { type: 'bytes', bytes: Buffer.from(base64, 'base64') };
}
