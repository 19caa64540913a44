import type { PreprocessorConfig, SlicePlan } from '@pocketlens/preprocessing';

/**
 * The text that stands for a picture in the prompt: one `<unk>` for every image embedding.
 *
 * @source MiniCPM-Llama3-V-2_5 `image_processing_minicpmv.py` `get_slice_image_placeholder`; MiniCPM-V-2_6, the same function
 */
export function imagePlaceholder(plan: SlicePlan, config: PreprocessorConfig, imageIndex: number): string {
  const queries = '<unk>'.repeat(config.imageFeatureSize);
  const id = config.useImageId ? `<image_id>${imageIndex}</image_id>` : '';
  const image = `<image>${queries}</image>`;
  if (plan.grid === null) return id + image;
  const [columns, rows] = plan.grid;
  const table = (cell: string): string => Array.from({ length: rows }, () => cell.repeat(columns)).join('\n');
  const cells = marksEverySlice(config.version) ? table(`<slice>${queries}</slice>`) : `<slice>${table(image)}</slice>`;
  return id + image + cells;
}

/** Version 2.5 wraps the whole grid in one `<slice>`; 2.6 and later mark every cell. */
function marksEverySlice(version: string | null): boolean {
  const [major = 2, minor = 0] = (version ?? '2.5').split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 6);
}
