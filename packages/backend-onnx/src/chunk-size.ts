import { InvalidArgumentError } from '@pocketlens/backend';

/**
 * Usual number. Matrix products run at full speed from about here on, so a longer pass would only answer
 * signals later.
 */
export const USUAL_POSITIONS = 128;
const LEAST_POSITIONS = 8;
/** What the activations of one pass may take. */
const ACTIVATION_BYTES = 192 * 1024 * 1024;
/** Values of a position that live at once, in units of the hidden size: residuals, projections, the feed-forward part. */
const LIVE_WIDTHS = 16;
const BYTES_PER_VALUE = 4;

/**
 * Positions of one prefill pass when nothing else is asked for: `preferred` ones, or so few that their activations,
 * attention scores over `total` positions included, stay within bounds.
 */
export function defaultChunk(
  shape: { readonly hiddenSize: number; readonly headDim: number },
  total: number,
  preferred: number = USUAL_POSITIONS,
): number {
  const heads = Math.ceil(shape.hiddenSize / shape.headDim);
  const bytesPerPosition = BYTES_PER_VALUE * (LIVE_WIDTHS * shape.hiddenSize + heads * total);
  const fitting = Math.floor(ACTIVATION_BYTES / bytesPerPosition / LEAST_POSITIONS) * LEAST_POSITIONS;
  return Math.min(preferred, Math.max(LEAST_POSITIONS, fitting));
}

/** Throws `InvalidArgumentError` for a chunk of less than one position. */
export function checkChunk(positions: number | undefined): void {
  if (positions === undefined || (Number.isSafeInteger(positions) && positions >= 1)) return;
  throw new InvalidArgumentError(
    'ARGUMENT_RANGE',
    `prefillChunk must be a whole number of at least 1, received ${positions}`,
  );
}
