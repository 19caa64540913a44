import type { PreprocessorConfig, SlicePlan } from '@pocketlens/preprocessing';

/**
 * The text that stands for a picture in the prompt: one `<unk>` for every image embedding.
 *
 * @source MiniCPM-Llama3-V-2_5 `image_processing_minicpmv.py` `get_slice_image_placeholder`; MiniCPM-V-2_6, the same function
 */
export function imagePlaceholder(plan: SlicePlan, config: PreprocessorConfig, imageIndex: number): string {
  const queries = '<unk>'.repeat(config.imageFeatureSize);
  const image = `<image>${queries}</image>`;
  const [columns, rows] = plan.grid ?? [0, 0];
  const table = (cell: string): string => Array.from({ length: rows }, () => cell.repeat(columns)).join('\n');
  if (config.version === null || Number(config.version) < 2.6) {
    return plan.grid === null ? image : `${image}<slice>${table(image)}</slice>`;
  }
  const id = config.useImageId ? `<image_id>${imageIndex}</image_id>` : '';
  return `${id}${image}${table(`<slice>${queries}</slice>`)}`;
}
