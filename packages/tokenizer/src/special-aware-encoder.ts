import { IdList } from './id-list.js';
import { type OrdinaryTextEncoder, STEP_UNITS } from './ordinary-text-encoder.js';
import type { SpecialTokenPolicy, SpecialTokens } from './special-tokens.js';

/** Text to ids where special tokens in it are read as a policy says. */
export class SpecialAwareEncoder {
  private readonly ordinary: OrdinaryTextEncoder;
  private readonly specials: SpecialTokens;
  /** Used again for every text, so that a short one needs no memory of its own. */
  private readonly list: IdList = new IdList();

  constructor(ordinary: OrdinaryTextEncoder, specials: SpecialTokens) {
    this.ordinary = ordinary;
    this.specials = specials;
  }

  /** The empty list to encode into; valid until the next call. */
  emptyList(): IdList {
    this.list.clear();
    return this.list;
  }

  /** Appends the ids of `text`; stops soon after `ids` has `maxIds` of them. */
  append(text: string, policy: SpecialTokenPolicy, ids: IdList, maxIds: number = Infinity): void {
    const { ordinary, specials } = this;
    const matcher = specials.matcherFor(policy, text);
    const limits = { maxIds, pauseAt: Infinity };
    let from = 0;
    for (let match = matcher?.find(text, 0); match !== undefined; match = matcher?.find(text, from)) {
      ordinary.encode(text, from, match.start, ids, limits);
      if (ids.length >= maxIds) return;
      ids.push(match.id);
      from = match.end;
    }
    ordinary.encode(text, from, text.length, ids, limits);
  }

  /** The same, pausing after every few milliseconds of work. */
  *appendInSteps(text: string, policy: SpecialTokenPolicy, ids: IdList): Generator<void, void, void> {
    const { ordinary, specials } = this;
    const matcher = specials.matcherFor(policy, text);
    let from = 0;
    let paused = 0;
    for (let match = matcher?.find(text, 0); match !== undefined; match = matcher?.find(text, from)) {
      yield* ordinary.encodeInSteps(text, from, match.start, ids);
      ids.push(match.id);
      from = match.end;
      if (from - paused < STEP_UNITS) continue;
      paused = from;
      yield;
    }
    yield* ordinary.encodeInSteps(text, from, text.length, ids);
  }
}
