import { ModelFormatError } from '../errors.js';
import { preview } from '../json.js';

/** Finds the first value that is not finite, and says in which tensor it is. */
export function notFinite(values: Float32Array, start: number, tensor: string): ModelFormatError {
  let index = start;
  while (index < values.length - 1 && Number.isFinite(values[index])) index++;
  return new ModelFormatError(
    'MODEL_DTYPE',
    `tensor ${preview(tensor)} holds ${values[index]}: only finite weights can be quantised`,
    { hint: 'Check the checkpoint, or convert to fp32.', details: { tensor } },
  );
}
