import { LETTER, NEWLINE, NUMBER, OTHER, SPACE, characterClasses } from './character-classes.js';

/** Class of the position behind the last character. */
const END = 5;
/** Added to the class of a character that takes two UTF-16 units. */
const PAIR = 8;
const CLASS_MASK = 7;

const APOSTROPHE = 0x27;
const SPACE_UNIT = 0x20;
const LONG_S = 0x17f;
const MAX_NUMBER_CHARACTERS = 3;

/**
 * Cuts text into the pieces that are merged on their own, as this expression does (alternatives in order, first match):
 *
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 *
 * Lone surrogates count as U+FFFD. Every character is looked at a bounded number of times.
 *
 * @source meta-llama/llama3, `llama/tokenizer.py`, `pat_str`
 */
export class PreTokenizer {
  private readonly classes: Uint8Array = characterClasses();

  /** The end of the piece that starts at `start`; `end` counts as the end of the text. UTF-16 units. */
  pieceEnd(text: string, start: number, end: number): number {
    const first = this.classAt(text, start, end);
    const kind = first & CLASS_MASK;
    const next = start + 1 + (first >> 3);
    if (kind === LETTER) return this.lettersEnd(text, next, end);
    if (kind === NUMBER) return this.numberEnd(text, next, end);
    if (kind === NEWLINE) return this.spacesEnd(text, start, end);
    if (text.charCodeAt(start) === APOSTROPHE) {
      const contraction = contractionEnd(text, start + 1, end);
      if (contraction > 0) return contraction;
    }
    const second = this.classAt(text, next, end) & CLASS_MASK;
    if (second === LETTER) return this.lettersEnd(text, next, end);
    if (kind === OTHER) return this.othersEnd(text, next, end);
    if (second === OTHER && text.charCodeAt(start) === SPACE_UNIT) return this.othersEnd(text, next, end);
    return this.spacesEnd(text, start, end);
  }

  /** Class of the character at `index`, plus `PAIR` when it is a surrogate pair. */
  private classAt(text: string, index: number, end: number): number {
    if (index >= end) return END;
    const unit = text.charCodeAt(index);
    if ((unit & 0xf800) !== 0xd800) return this.classes[unit]!;
    if (unit >= 0xdc00 || index + 1 >= end) return OTHER;
    const low = text.charCodeAt(index + 1);
    if ((low & 0xfc00) !== 0xdc00) return OTHER;
    return this.classes[0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)]! | PAIR;
  }

  private lettersEnd(text: string, start: number, end: number): number {
    let index = start;
    for (;;) {
      const found = this.classAt(text, index, end);
      if ((found & CLASS_MASK) !== LETTER) return index;
      index += 1 + (found >> 3);
    }
  }

  private numberEnd(text: string, start: number, end: number): number {
    let index = start;
    for (let count = 1; count < MAX_NUMBER_CHARACTERS; count++) {
      const found = this.classAt(text, index, end);
      if ((found & CLASS_MASK) !== NUMBER) return index;
      index += 1 + (found >> 3);
    }
    return index;
  }

  private othersEnd(text: string, start: number, end: number): number {
    let index = start;
    for (;;) {
      const found = this.classAt(text, index, end);
      if ((found & CLASS_MASK) !== OTHER) break;
      index += 1 + (found >> 3);
    }
    while (this.classAt(text, index, end) === NEWLINE) index++;
    return index;
  }

  /** The white-space run up to its last line break; without one, all but the character that may lead the next piece. */
  private spacesEnd(text: string, start: number, end: number): number {
    let index = start;
    let lineEnd = 0;
    for (;;) {
      const found = this.classAt(text, index, end);
      if (found === NEWLINE) lineEnd = index + 1;
      else if (found !== SPACE) break;
      index++;
    }
    if (lineEnd > 0) return lineEnd;
    return index === end || index === start + 1 ? index : index - 1;
  }
}

/** The end of `s t m d re ve ll`, in any case, at `index`; 0 when none is there. U+017F folds to `s`. */
function contractionEnd(text: string, index: number, end: number): number {
  if (index >= end) return 0;
  const unit = text.charCodeAt(index);
  if (unit === LONG_S) return index + 1;
  const first = unit | 0x20;
  if (first === 0x73 || first === 0x74 || first === 0x6d || first === 0x64) return index + 1;
  if (index + 1 >= end) return 0;
  const second = text.charCodeAt(index + 1) | 0x20;
  const isPair = first === 0x6c ? second === 0x6c : second === 0x65 && (first === 0x72 || first === 0x76);
  return isPair ? index + 2 : 0;
}
