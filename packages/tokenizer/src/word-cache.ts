import type { IdList } from './id-list.js';

/** Longer pieces are rare and seldom repeat. */
export const MAX_CACHED_UNITS = 64;

const MAX_PROBES = 8;
/** For each slot. */
const UNITS = 8;
const IDS_KEPT = 4;
/** Fields of a slot. */
const HASH = 0;
const UNIT_START = 1;
/** Units in the upper bits, number of ids in the lower eight; 0 marks a free slot. */
const LENGTHS = 2;
/** Where the ids start, or the id itself when it is the only one. */
const IDS = 3;

/**
 * Remembers the ids of short pieces by their UTF-16 units. Memory is bounded (48 bytes for each slot), and so is the work
 * of one look-up, whatever the text: a full cache starts over, and at most eight slots are tried.
 */
export class WordCache {
  private readonly slots: Int32Array;
  private readonly units: Uint16Array;
  private readonly ids: Int32Array;
  private readonly slotMask: number;
  private readonly maxWords: number;
  private words = 0;
  private unitCount = 0;
  private idCount = 0;
  /** Hash of the last piece looked up, which is the one stored next. */
  private hash = 0;

  /** @param slots - a power of two; three quarters are filled */
  constructor(slots: number) {
    this.slots = new Int32Array(4 * slots);
    this.units = new Uint16Array(UNITS * slots);
    this.ids = new Int32Array(IDS_KEPT * slots);
    this.slotMask = slots - 1;
    this.maxWords = (3 * slots) / 4;
  }

  /** Appends the ids of `text[start, end)` to `out` and says whether it knew them. */
  look(text: string, start: number, end: number, out: IdList): boolean {
    const { slots, slotMask } = this;
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 15;
    this.hash = hash;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = 4 * ((hash + probe) & slotMask);
      const lengths = slots[slot + LENGTHS]!;
      if (lengths === 0) return false;
      if (slots[slot + HASH] === hash && this.holds(slot, text, start, end)) {
        this.append(slots[slot + IDS]!, lengths & 255, out);
        return true;
      }
    }
    return false;
  }

  /** Remembers `ids[from, ...)` for the piece that `look` did not know. */
  store(text: string, start: number, end: number, ids: IdList, from: number): void {
    const count = ids.length - from;
    const isFull =
      this.words >= this.maxWords ||
      this.unitCount + end - start > this.units.length ||
      this.idCount + count > this.ids.length;
    if (isFull) this.clear();
    const { slots } = this;
    const slot = this.freeSlot();
    slots[slot + HASH] = this.hash;
    slots[slot + UNIT_START] = this.unitCount;
    slots[slot + LENGTHS] = ((end - start) << 8) | count;
    for (let i = start; i < end; i++) this.units[this.unitCount++] = text.charCodeAt(i);
    this.words++;
    if (count === 1) {
      slots[slot + IDS] = ids.at(from);
      return;
    }
    slots[slot + IDS] = this.idCount;
    for (let i = from; i < ids.length; i++) this.ids[this.idCount++] = ids.at(i);
  }

  private holds(slot: number, text: string, start: number, end: number): boolean {
    const { units } = this;
    const length = end - start;
    if (this.slots[slot + LENGTHS]! >> 8 !== length) return false;
    const offset = this.slots[slot + UNIT_START]!;
    for (let i = 0; i < length; i++) if (units[offset + i] !== text.charCodeAt(start + i)) return false;
    return true;
  }

  private append(idStart: number, count: number, out: IdList): void {
    if (count === 1) {
      out.push(idStart);
      return;
    }
    for (let i = 0; i < count; i++) out.push(this.ids[idStart + i]!);
  }

  /** The first free slot of those that a look-up tries, or the first of all. */
  private freeSlot(): number {
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = 4 * ((this.hash + probe) & this.slotMask);
      if (this.slots[slot + LENGTHS] === 0) return slot;
    }
    return 4 * (this.hash & this.slotMask);
  }

  private clear(): void {
    this.slots.fill(0);
    this.words = 0;
    this.unitCount = 0;
    this.idCount = 0;
  }
}
