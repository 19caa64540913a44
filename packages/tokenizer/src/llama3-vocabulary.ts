import { bytesInVocabularyOrder } from './byte-characters.js';
import type { TokenBytes } from './vocabulary.js';

const SINGLE_BYTES = 256;

/** The shipped Llama 3 vocabulary: 128,000 tokens. It is loaded only when asked for, so bundlers keep it apart. */
export async function loadLlama3Vocabulary(): Promise<TokenBytes> {
  const { LLAMA3_PAIRS_BASE64 } = await import('./generated/llama3-pairs.js');
  return expandPairs(await inflate(decodeBase64(LLAMA3_PAIRS_BASE64)));
}

function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(deflated: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  const written = writer.write(deflated).then(() => writer.close());
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream.readable as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
  }
  await written;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/**
 * Expands the pair form: single bytes in GPT-2's order, then each token as two earlier ones. `planes` holds, one after
 * another, the high, middle and low bytes of all left ids, and the same of all right ids.
 */
function expandPairs(planes: Uint8Array): TokenBytes {
  const count = planes.length / 6;
  const idAt = (row: number, plane: number): number =>
    (planes[plane * count + row]! << 16) |
    (planes[(plane + 1) * count + row]! << 8) |
    planes[(plane + 2) * count + row]!;
  const starts = new Uint32Array(SINGLE_BYTES + count + 1);
  for (let id = 0; id < SINGLE_BYTES; id++) starts[id + 1] = id + 1;
  for (let row = 0, id = SINGLE_BYTES; row < count; row++, id++) {
    const left = idAt(row, 0);
    const right = idAt(row, 3);
    starts[id + 1] = starts[id]! + (starts[left + 1]! - starts[left]!) + (starts[right + 1]! - starts[right]!);
  }
  const bytes = new Uint8Array(starts[SINGLE_BYTES + count]!);
  bytes.set(bytesInVocabularyOrder());
  for (let row = 0, to = SINGLE_BYTES; row < count; row++) {
    const left = idAt(row, 0);
    const right = idAt(row, 3);
    for (let from = starts[left]!; from < starts[left + 1]!; from++) bytes[to++] = bytes[from]!;
    for (let from = starts[right]!; from < starts[right + 1]!; from++) bytes[to++] = bytes[from]!;
  }
  return { bytes, starts };
}
