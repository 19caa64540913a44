import type { PromptWriter } from './prompt-writer.js';

/** How a version of the MiniCPM-V family marks images in a prompt. */
export interface PlaceholderStyle {
  /**
   * `grid`: every slice in `<image>`, the whole grid once in `<slice>` (version 2.5).
   * `cell`: the source in `<image>`, every cell in `<slice>` (2.6 and later).
   */
  readonly markers: 'grid' | 'cell';
  /** Writes the image's number in `<image_id>` before it. */
  readonly hasImageId: boolean;
}

/** Columns and rows of the cells, or null when the source image stands alone. */
export type SliceGrid = readonly [columns: number, rows: number] | null;

/** The style of a version of `config.json`; unknown later versions are taken as the newest known. */
export function placeholderStyle(version: string, hasImageId: boolean): PlaceholderStyle {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isBefore26 = major < 2 || (major === 2 && minor < 6);
  return { markers: isBefore26 ? 'grid' : 'cell', hasImageId };
}

/**
 * Writes the placeholder of one image: its source, then its cells row by row, rows joined by a newline.
 *
 * @source MiniCPM-V, `image_processing_minicpmv.py` `get_slice_image_placeholder` (2.5 and 2.6)
 */
export function writePlaceholder(
  writer: PromptWriter,
  image: { readonly grid: SliceGrid; readonly index: number },
  { markers, hasImageId }: PlaceholderStyle,
): void {
  if (hasImageId) writer.control('<image_id>').text(String(image.index)).control('</image_id>');
  writer.control('<image>').slice().control('</image>');
  if (image.grid === null) return;
  const [columns, rows] = image.grid;
  if (markers === 'grid') writer.control('<slice>');
  for (let row = 0; row < rows; row++) {
    if (row > 0) writer.text('\n');
    for (let column = 0; column < columns; column++) {
      if (markers === 'grid') writer.control('<image>').slice().control('</image>');
      else writer.control('<slice>').slice().control('</slice>');
    }
  }
  if (markers === 'grid') writer.control('</slice>');
}
