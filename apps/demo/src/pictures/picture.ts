import type { SlicePlan } from '@pocketlens/preprocessing';

/** A picture on the table. */
export interface Picture {
  readonly id: string;
  readonly name: string;
  readonly blob: Blob;
  /** Address of the blob, until `releasePicture`. */
  readonly url: string;
  readonly plan: SlicePlan;
  readonly suggestions: readonly string[];
}

/** What the embedded model was trained to be asked of any text. */
export const GENERAL_QUESTIONS: readonly string[] = ['Read the text.', 'Read the first line.', 'What is the total?'];

export function createPicture(
  blob: Blob,
  plan: SlicePlan,
  facts: { readonly name: string; readonly suggestions: readonly string[] },
): Picture {
  return { id: crypto.randomUUID(), blob, plan, url: URL.createObjectURL(blob), ...facts };
}

export function releasePicture({ url }: Picture): void {
  URL.revokeObjectURL(url);
}

/** Slices that the vision encoder sees: the overview, and the cells. */
export function sliceCount({ plan }: Picture): number {
  return 1 + plan.slices.length;
}
