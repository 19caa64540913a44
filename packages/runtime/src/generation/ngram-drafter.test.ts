import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NgramDrafter, NO_TOKEN } from './ngram-drafter.js';

/** Follows a text with drafts as generation does; counts passes of the model and drafted tokens. */
function follow(history: readonly number[], answer: readonly number[]): { passes: number; drafted: number } {
  const drafter = new NgramDrafter(history);
  let passes = 0;
  let drafted = 0;
  for (let at = 0; at < answer.length; passes++) {
    const draft = drafter.draft(answer.length - at - 1);
    drafted += draft.length;
    let accepted = 0;
    while (accepted < draft.length && draft[accepted] === answer[at + accepted]) accepted++;
    for (const id of answer.slice(at, at + accepted + 1)) drafter.push(id);
    at += accepted + 1;
  }
  return { passes, drafted };
}

const ids = (most: number): fc.Arbitrary<number[]> => fc.array(fc.nat(most), { maxLength: 200 });

describe('NgramDrafter', () => {
  it('drafts what followed the latest run of the same tokens', () => {
    const drafter = new NgramDrafter([1, 2, 3, 4, 9, 1, 2, 3, 5, 6, 7, 1, 2, 3]);
    expect(drafter.draft(1)).toEqual([5]);
    expect(new NgramDrafter([1, 2, 3, 4]).draft(8)).toEqual([]);
    expect(new NgramDrafter([]).draft(8)).toEqual([]);
  });

  it('never drafts more than asked for, nor anything that was not there', () => {
    fc.assert(
      fc.property(ids(4), fc.integer({ min: -1, max: 12 }), (history, most) => {
        const draft = new NgramDrafter(history).draft(most);
        expect(draft.length).toBeLessThanOrEqual(Math.max(0, most));
        expect(draft.every((id) => history.includes(id))).toBe(true);
      }),
    );
  });

  it('does not look across an image', () => {
    const drafter = new NgramDrafter([1, 2, 3, NO_TOKEN, 1, 2, 3]);
    expect(drafter.draft(8)).toEqual([]);
    const later = new NgramDrafter([7, 1, 2, 3, 4, NO_TOKEN, 1, 2, 3]);
    expect(later.draft(8)).toEqual([4]);
  });

  it('copies a text that was there in far fewer passes than it has tokens', () => {
    const text = Array.from({ length: 300 }, (_, index) => (index * index * 31) % 499);
    const { passes } = follow(text, text);
    expect(passes).toBeLessThan(300 / 3);
  });

  it('follows a repeating answer', () => {
    const answer = Array.from({ length: 200 }, (_, index) => index % 4);
    expect(follow([], answer).passes).toBeLessThan(200 / 3);
  });

  it('costs little when its drafts are always wrong', () => {
    // Every pair comes again, and never goes on as before.
    const answer = Array.from({ length: 2000 }, (_, index) => [1, 2, 10 + index][index % 3]!);
    const { passes, drafted } = follow([], answer);
    const wasted = drafted - (answer.length - passes);
    expect(wasted).toBeLessThan(40);
  });

  it('leaves random answers alone after a while', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { minLength: 400, maxLength: 400 }), (answer) => {
        expect(follow([], answer).drafted).toBeLessThan(20);
      }),
      { numRuns: 30 },
    );
  });
});
