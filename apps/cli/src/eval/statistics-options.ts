import { PROFILES, type ConfidenceOptions, type Profile } from '@pocketlens/evaluation';
import { type Command, Option } from 'commander';
import { integer } from '../options.js';

/** Options of commands that read a run again. */
export interface StatisticsOptions {
  readonly benchmark?: string;
  readonly data?: string;
  readonly profile: Profile;
  readonly resamples?: number;
  readonly seed: number;
}

/** Adds `--benchmark`, `--data`, `--profile`, `--resamples` and `--seed`. */
export function addStatisticsOptions(command: Command): Command {
  return command
    .option('--benchmark <name>', 'only this one of the benchmarks in the folder')
    .option('--data <file>', 'data set, where it is not the one that the manifest names')
    .addOption(new Option('--profile <name>', 'rules of scoring').choices(PROFILES).default('current'))
    .addOption(
      new Option('--resamples <n>', 'how often samples are drawn for intervals (default: 999)').argParser(
        integer(19, 1_000_000),
      ),
    )
    .addOption(new Option('--seed <n>', 'of the draws').argParser(integer(0, 2 ** 32 - 1)).default(0));
}

/** Which of the options concern the draws. */
export function drawsOf({ resamples, seed }: StatisticsOptions): ConfidenceOptions {
  return { seed, ...(resamples === undefined ? {} : { resamples }) };
}

/** Which of the options concern the run. */
export function placeOf({ benchmark, data }: StatisticsOptions): { benchmark?: string; data?: string } {
  return { ...(benchmark === undefined ? {} : { benchmark }), ...(data === undefined ? {} : { data }) };
}
