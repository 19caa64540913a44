import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackendModelV1 } from '@pocketlens/backend';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { convertGolden } from '../../../backend-onnxruntime-node/test/golden.js';
import { CachedSequence } from './cached-sequence.js';
import { generateTokens } from './generate-tokens.js';
import type { DraftCounts } from './generate-tokens.js';
import type { GeneratedToken } from './logprobs.js';
import { resolveGenerationOptions } from './options.js';
import type { GenerationOptions } from './options.js';

const token = fc.integer({ min: 10, max: 511 });
/** Prompts that say things twice, so that there is something to draft from. */
const prompts = fc
  .tuple(
    fc.array(token, { minLength: 1, maxLength: 12 }),
    fc.integer({ min: 1, max: 3 }),
    fc.array(token, { maxLength: 4 }),
  )
  .map(([run, times, end]) => [1, ...Array.from({ length: times }, () => run).flat(), ...end]);

const settings = fc.record(
  {
    repetitionPenalty: fc.constantFrom(0.7, 1, 1.05, 1.3),
    minNewTokens: fc.constantFrom(0, 5, 20),
    logprobs: fc.constantFrom(0, 3),
    sampling: fc.boolean(),
    temperature: fc.constantFrom(0, 0.2, 1),
    topK: fc.constantFrom(0, 1, 5),
    topP: fc.constantFrom(0.3, 1),
    seed: fc.nat(),
  },
  { requiredKeys: ['seed'] },
);

/** The same everywhere: near ties, where the last bits of a processor decide, are not what this is about. */
const SEED = 20231116;

describe('speculation', () => {
  let model: BackendModelV1;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    const golden = await convertGolden();
    remove = golden.remove;
    model = await onnxruntimeNode({ threads: 1, worker: false }).loadModel(golden.directory);
  });

  afterAll(async () => {
    await model.dispose();
    await remove();
  });

  interface Run {
    readonly tokens: readonly GeneratedToken[];
    readonly reason: 'stop' | 'length';
    readonly counts: DraftCounts;
    readonly appends: number;
  }

  async function run(
    ids: readonly number[],
    options: GenerationOptions & { readonly maxNewTokens: number },
    { stopIds = [], capacity = 400 }: { readonly stopIds?: readonly number[]; readonly capacity?: number } = {},
  ): Promise<Run> {
    const backing = model.createSequence({ capacity });
    let appends = -1;
    const append = backing.append.bind(backing);
    const sequence = new CachedSequence(
      Object.assign(backing, { append: (...args: Parameters<typeof append>) => (appends++, append(...args)) }),
    );
    try {
      const { logits } = await sequence.prefill(ids);
      const counts = { drafted: 0, accepted: 0 };
      const stream = generateTokens({
        sequence,
        logits,
        settings: resolveGenerationOptions(options),
        maxNewTokens: options.maxNewTokens,
        stopIds: new Set(stopIds),
        counts,
      });
      const tokens: GeneratedToken[] = [];
      for (;;) {
        const next = await stream.next();
        if (next.done === true) return { tokens, reason: next.value, counts, appends };
        tokens.push(next.value);
      }
    } finally {
      sequence.dispose();
    }
  }

  const idsOf = ({ tokens }: Run): number[] => tokens.map(({ id }) => id);

  it('gives the same tokens, log-probabilities and ends, whatever the settings', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(prompts, settings, fc.array(token, { maxLength: 30 }), async (ids, chosen, stopIds) => {
        const options = { ...chosen, maxNewTokens: 40 };
        const plain = await run(ids, { ...options, speculation: 'none' }, { stopIds });
        const drafted = await run(ids, { ...options, speculation: 'ngram' }, { stopIds });
        expect(idsOf(drafted)).toEqual(idsOf(plain));
        expect(drafted.reason).toBe(plain.reason);
        for (const [index, { logprobs }] of drafted.tokens.entries()) {
          const other = plain.tokens[index]!.logprobs;
          expect(logprobs?.top.map(({ id }) => id)).toEqual(other?.top.map(({ id }) => id));
          if (logprobs !== undefined) expect(Math.abs(logprobs.logprob - other!.logprob)).toBeLessThan(1e-4);
        }
        expect(plain.counts).toEqual({ drafted: 0, accepted: 0 });
        expect(drafted.counts.accepted).toBeLessThanOrEqual(drafted.counts.drafted);
        accepted += drafted.counts.accepted;
      }),
      { numRuns: 60, seed: SEED },
    );
    // Otherwise nothing was tried.
    expect(accepted).toBeGreaterThan(100);
  });

  it('ends at the same place when the sequence or the answer has little room', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, fc.integer({ min: 1, max: 12 }), async (ids, maxNewTokens) => {
        const options = { maxNewTokens, repetitionPenalty: 0.5 };
        const plain = await run(ids, { ...options, speculation: 'none' });
        // The last token needs no position.
        const drafted = await run(ids, options, { capacity: ids.length + maxNewTokens - 1 });
        expect(idsOf(drafted)).toEqual(idsOf(plain));
      }),
      { numRuns: 30, seed: SEED },
    );
  });

  it('saves passes where the answer repeats itself', async () => {
    // A penalty below 1 favours what was said before.
    const options = { maxNewTokens: 120, repetitionPenalty: 0.5 };
    const plain = await run([1, 20, 30], { ...options, speculation: 'none' });
    const drafted = await run([1, 20, 30], options);
    expect(idsOf(drafted)).toEqual(idsOf(plain));
    expect(plain.appends).toBe(119);
    expect(drafted.appends).toBeLessThan(60);
    expect(drafted.appends + drafted.counts.accepted).toBe(119);
  });
});
