import type { ImageInputs } from '@pocketlens/preprocessing';

const keys = new WeakMap<ImageInputs, Promise<string>>();
let unhashed = 0;

/**
 * Names a preprocessed picture by what the vision encoder sees of it: its values and the sizes of its slices, and so by its
 * content, size and all settings of preprocessing. Computed once for each object.
 */
export function imageKey(inputs: ImageInputs): Promise<string> {
  const known = keys.get(inputs);
  if (known !== undefined) return known;
  const key = hashSlices(inputs);
  keys.set(inputs, key);
  return key;
}

async function hashSlices({ slices }: ImageInputs): Promise<string> {
  // Pages without a secure origin have no hashes: there a picture is only ever equal to itself.
  if (globalThis.crypto?.subtle === undefined) return `unhashed ${unhashed++}`;
  const parts: string[] = [];
  for (const { pixelValues, targetSize } of slices) {
    const bytes = new Uint8Array(pixelValues.buffer, pixelValues.byteOffset, pixelValues.byteLength);
    // Pixel values are never in shared memory, the only kind of buffer that `digest` refuses.
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
    parts.push(`${targetSize.join('x')}:${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`);
  }
  return parts.join(',');
}
