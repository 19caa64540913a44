/** Most bytes of UTF-8 that one UTF-16 unit can become. */
export const MAX_BYTES_PER_UNIT = 3;

/**
 * Writes `text[start, end)` as UTF-8 and returns the number of bytes. A lone surrogate becomes U+FFFD, as `TextEncoder`
 * does it. `target` must hold three bytes for each unit.
 */
export function writeUtf8(text: string, start: number, end: number, target: Uint8Array): number {
  let length = 0;
  for (let i = start; i < end; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      target[length++] = code;
      continue;
    }
    if (code < 0x800) {
      target[length++] = 0xc0 | (code >> 6);
      target[length++] = 0x80 | (code & 63);
      continue;
    }
    if ((code & 0xf800) === 0xd800) {
      code = codePointAt(text, i, end);
      if (code > 0xffff) {
        i++;
        target[length++] = 0xf0 | (code >> 18);
        target[length++] = 0x80 | ((code >> 12) & 63);
        target[length++] = 0x80 | ((code >> 6) & 63);
        target[length++] = 0x80 | (code & 63);
        continue;
      }
    }
    target[length++] = 0xe0 | (code >> 12);
    target[length++] = 0x80 | ((code >> 6) & 63);
    target[length++] = 0x80 | (code & 63);
  }
  return length;
}

/** The character at `index`; U+FFFD where there is half of a surrogate pair. `end` counts as the end of the text. */
export function codePointAt(text: string, index: number, end: number): number {
  const unit = text.charCodeAt(index);
  if ((unit & 0xf800) !== 0xd800) return unit;
  if (unit >= 0xdc00 || index + 1 >= end) return 0xfffd;
  const low = text.charCodeAt(index + 1);
  if ((low & 0xfc00) !== 0xdc00) return 0xfffd;
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}
