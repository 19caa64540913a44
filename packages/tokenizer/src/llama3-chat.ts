/** One turn of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or any other name that the model knows. */
  readonly role: string;
  readonly content: string;
}

/** What Python's `str.strip()` removes: JavaScript's `trim()` has U+FEFF too and lacks U+001C to U+001F and U+0085. */
function isPythonSpace(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) || (unit >= 0x1c && unit <= 0x1f);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  return (
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}

/** Strips white space as the `trim` filter of the published chat template does. */
export function trimContent(content: string): string {
  let start = 0;
  let end = content.length;
  while (start < end && isPythonSpace(content.charCodeAt(start))) start++;
  while (end > start && isPythonSpace(content.charCodeAt(end - 1))) end--;
  return content.slice(start, end);
}
