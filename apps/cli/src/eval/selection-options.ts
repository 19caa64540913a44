import type { Selection } from '@pocketlens/evaluation';
import { type Command, Option } from 'commander';
import { integer } from '../options.js';

/** Options that choose some of the samples. */
export interface SelectionOptions {
  readonly limit?: number;
  /** Seed of the random choice. */
  readonly sample?: number;
}

/** Adds `--limit` and `--sample`. */
export function addSelectionOptions(command: Command): Command {
  return command
    .addOption(new Option('--limit <n>', 'only the first n samples').argParser(integer(1, 1e9)))
    .addOption(
      new Option('--sample <seed>', 'draw the samples of --limit at random, the same for the same seed').argParser(
        integer(0, 2 ** 32 - 1),
      ),
    );
}

export function selectionOf({ limit, sample }: SelectionOptions): Selection {
  return { ...(limit === undefined ? {} : { limit }), ...(sample === undefined ? {} : { sampleSeed: sample }) };
}
