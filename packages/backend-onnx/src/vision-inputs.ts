import { InvalidArgumentError } from '@pocketlens/backend';
import type { SliceInput } from '@pocketlens/backend';
import { Tensor } from 'onnxruntime-common';
import { positionIds } from './position-ids.js';

const CHANNELS = 3;

export interface VisionShape {
  readonly patchSize: number;
  readonly positionTableSide: number;
  readonly visionPositions: 'strip' | 'grid';
}

/**
 * Checks a slice before any work.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for a patch grid that is not positive, a wrong number of values
 *   or a value that is not finite
 */
export function checkSlice(slice: SliceInput, index: number, patchSize: number): void {
  const [rows, columns] = slice.targetSize;
  const isGrid = Number.isSafeInteger(rows) && Number.isSafeInteger(columns) && rows > 0 && columns > 0;
  if (!isGrid) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `slice ${index}: patch grid ${rows} x ${columns} is not positive`);
  }
  const expected = CHANNELS * patchSize * patchSize * rows * columns;
  if (slice.pixelValues.length !== expected) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `slice ${index}: expected ${CHANNELS} x ${patchSize} x ${patchSize * rows * columns} = ${expected} values, ` +
        `received ${slice.pixelValues.length}`,
    );
  }
  const bad = slice.pixelValues.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `slice ${index}: value ${bad} is ${slice.pixelValues[bad]}`);
  }
}

/**
 * Graph inputs for one slice whose strip is padded with zeros (mid grey) to `paddedCount` patches. Slices of a
 * batch do not exchange anything in the graph, so running them singly with a common `paddedCount` equals the batch.
 */
export function visionInputs(
  slice: SliceInput,
  shape: VisionShape,
  paddedCount: number,
): Readonly<Record<string, Tensor>> {
  const { patchSize, positionTableSide: side, visionPositions: kind } = shape;
  const [rows, columns] = slice.targetSize;
  const count = rows * columns;
  const patchRows = new BigInt64Array(paddedCount);
  const patchColumns = new BigInt64Array(paddedCount);
  for (let i = 0; i < count; i++) {
    patchRows[i] = BigInt(Math.floor(i / columns));
    patchColumns[i] = BigInt(i % columns);
  }
  const pixels = padStrip(slice.pixelValues, count * patchSize, paddedCount * patchSize);
  const perPatch = [1, paddedCount];
  return {
    pixel_values: new Tensor('float32', pixels, [1, CHANNELS, patchSize, paddedCount * patchSize]),
    position_ids: new Tensor('int64', positionIds(slice.targetSize, { side, kind, paddedCount }), perPatch),
    patch_rows: new Tensor('int64', patchRows, perPatch),
    patch_cols: new Tensor('int64', patchColumns, perPatch),
    patch_counts: new Tensor('int64', BigInt64Array.of(BigInt(count)), [1]),
  };
}

function padStrip(values: Float32Array, width: number, paddedWidth: number): Float32Array {
  if (width === paddedWidth) return values;
  const lines = values.length / width;
  const padded = new Float32Array(lines * paddedWidth);
  for (let line = 0; line < lines; line++) {
    padded.set(values.subarray(line * width, (line + 1) * width), line * paddedWidth);
  }
  return padded;
}
