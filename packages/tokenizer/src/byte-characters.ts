import { writeUtf8 } from './utf8.js';

const FIRST_SUBSTITUTE = 0x100;

function isPrintable(byte: number): boolean {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/**
 * Every byte in GPT-2's order: printable ones first. It is the order of ids 0 to 255 in Llama 3.
 *
 * @source openai/gpt-2, `src/encoder.py`, `bytes_to_unicode`
 */
export function bytesInVocabularyOrder(): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return Uint8Array.from([...bytes.filter(isPrintable), ...bytes.filter((byte) => !isPrintable(byte))]);
}

/** The byte that each character of a token in `tokenizer.json` stands for; -1 for characters that stand for none. */
function buildCharacterBytes(): Int16Array {
  const table = new Int16Array(FIRST_SUBSTITUTE + 256).fill(-1);
  let substitute = FIRST_SUBSTITUTE;
  for (let byte = 0; byte < 256; byte++) table[isPrintable(byte) ? byte : substitute++] = byte;
  return table;
}

const characterBytes = /* @__PURE__ */ buildCharacterBytes();

/** The bytes of a token spelled in byte characters, or `undefined` when it has other characters. */
export function bytesOfSpelling(spelling: string): Uint8Array | undefined {
  const bytes = new Uint8Array(spelling.length);
  for (let i = 0; i < spelling.length; i++) {
    const byte = characterBytes[spelling.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** UTF-8 of a text of its own, such as the content of a special token. */
export function utf8Bytes(text: string): Uint8Array {
  const buffer = new Uint8Array(3 * text.length);
  return buffer.slice(0, writeUtf8(text, 0, text.length, buffer));
}
