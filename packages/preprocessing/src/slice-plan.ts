import { assertInteger } from './errors.js';

/** Geometry of the slicing; the defaults are those of MiniCPM-Llama3-V 2.5. */
export interface SliceOptions {
  /** Most cells besides the overview; default 9. */
  readonly maxSliceNums?: number;
  /** Side of the square whose area a cell is brought to, in pixels; default 448. */
  readonly scaleResolution?: number;
  /** Side of a vision patch, in pixels; default 14. */
  readonly patchSize?: number;
  /** Vision tokens of one slice (queries of the resampler); default 96. */
  readonly queries?: number;
  /** Keeps the overview alone, whatever the size of the picture; default false. */
  readonly neverSplit?: boolean;
}

/** The size of one picture that the vision tower sees. */
export interface SliceSize {
  readonly width: number;
  readonly height: number;
  /** [rows, columns] of patches. */
  readonly patchGrid: readonly [number, number];
}

/** A cell of the refined picture. */
export interface SliceCell extends SliceSize {
  readonly row: number;
  readonly col: number;
}

/** How a picture is cut before the vision tower sees it. */
export interface SlicePlan {
  /** Size of the picture itself. */
  readonly width: number;
  readonly height: number;
  /** [columns, rows] of the cells, or null when the picture is not cut. */
  readonly grid: readonly [number, number] | null;
  /** The whole picture at the vision tower's scale: always the first slice. */
  readonly source: SliceSize;
  /** Size that the picture is resized to before it is cut into cells, or null. */
  readonly refined: { readonly width: number; readonly height: number } | null;
  /** The cells, left to right, top to bottom; empty without a grid. */
  readonly slices: readonly SliceCell[];
  /** Embeddings that the picture takes in the prompt, over all slices. */
  readonly visionTokens: number;
}

type Size = readonly [width: number, height: number];

/** Python's `round`: ties go to the even neighbour (2.5 -> 2, 3.5 -> 4), where `Math.round` goes up. */
const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
};

/** The multiple of `unit` nearest to `length`, at least one `unit`. */
const snap = (length: number, unit: number): number => Math.max(roundHalfEven(length / unit) * unit, unit);

interface Scale {
  readonly resolution: number;
  readonly patch: number;
}

/** A size with about resolution² pixels and the aspect of width x height. Height is truncated first: the width follows from it. */
const fitToResolution = ([width, height]: Size, { resolution, patch }: Scale): Size => {
  const aspect = width / height;
  const fittedHeight = Math.trunc(resolution / Math.sqrt(aspect));
  const fittedWidth = Math.trunc(fittedHeight * aspect);
  return [snap(fittedWidth, patch), snap(fittedHeight, patch)];
};

/** The factor pair [columns, rows] of n-1, n or n+1 whose aspect is nearest to the picture's; the first of equals wins. */
const chooseGrid = (
  [width, height]: Size,
  maxSliceNums: number,
  resolution: number,
): readonly [number, number] | null => {
  const wanted = Math.min(Math.ceil((width * height) / (resolution * resolution)), maxSliceNums);
  if (wanted <= 1) return null;
  const target = Math.log(width / height);
  let best: readonly [number, number] = [1, 1];
  let bestError = Infinity;
  for (const total of [wanted - 1, wanted, wanted + 1]) {
    if (total === 1 || total > maxSliceNums) continue;
    for (let columns = 1; columns <= total; columns++) {
      if (total % columns !== 0) continue;
      const rows = total / columns;
      const error = Math.abs(target - Math.log(columns / rows));
      if (error < bestError) {
        best = [columns, rows];
        bestError = error;
      }
    }
  }
  return best;
};

const sliceSize = ([width, height]: Size, patch: number): SliceSize => ({
  width,
  height,
  patchGrid: [height / patch, width / patch],
});

/**
 * Plans how a picture is cut: an overview, and above about 448 x 448 pixels a grid of cells with the picture's own aspect.
 *
 * All arithmetic is IEEE double with Python's roundings, so plans equal those of the published model for every size.
 *
 * @param width - of the picture in pixels, a positive integer
 * @param height - of the picture in pixels, a positive integer
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for a size or option that is not a positive integer
 * @source MiniCPM-Llama3-V-2_5, `image_processing_minicpmv.py`, `slice_image`
 */
export const planSlices = (width: number, height: number, options: SliceOptions = {}): SlicePlan => {
  const { maxSliceNums = 9, scaleResolution = 448, patchSize = 14, queries = 96, neverSplit = false } = options;
  for (const [name, value] of Object.entries({ width, height, maxSliceNums, scaleResolution, patchSize, queries })) {
    assertInteger(name, value, 1);
  }
  const scale: Scale = { resolution: scaleResolution, patch: patchSize };
  const size: Size = [width, height];
  const grid = neverSplit ? null : chooseGrid(size, maxSliceNums, scaleResolution);
  const source = sliceSize(fitToResolution(size, scale), patchSize);
  if (grid === null) return { width, height, grid, source, refined: null, slices: [], visionTokens: queries };

  const [columns, rows] = grid;
  const cell = sliceSize(
    fitToResolution([snap(width, columns) / columns, snap(height, rows) / rows], scale),
    patchSize,
  );
  const slices = Array.from({ length: columns * rows }, (_, index) => ({
    row: Math.floor(index / columns),
    col: index % columns,
    ...cell,
  }));
  const refined = { width: cell.width * columns, height: cell.height * rows };
  return { width, height, grid, source, refined, slices, visionTokens: queries * (1 + slices.length) };
};
