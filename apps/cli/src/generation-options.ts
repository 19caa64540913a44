import type { ChatProgress, GenerationOptions, Timings } from '@pocketlens/runtime';
import { type Command, Option } from 'commander';
import { UsageError } from './errors.js';
import { decimal, integer } from './options.js';
import type { Progress } from './progress.js';

/** Options of every command that generates answers. */
export interface AnswerOptions {
  readonly system?: string;
  readonly maxNewTokens?: number;
  readonly minNewTokens?: number;
  readonly stop?: readonly string[];
  readonly sampling?: true;
  readonly beams?: number;
  readonly lengthPenalty?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly logprobs?: number;
  /** False with `--no-speculation`. */
  readonly speculation: boolean;
  readonly exact?: true;
  readonly json?: true;
}

const list = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Adds the options of `AnswerOptions` but `--json`. */
export function addAnswerOptions(command: Command): Command {
  return command
    .option('--system <text>', 'instructions before the conversation')
    .addOption(new Option('--max-new-tokens <n>', 'longest answer').argParser(integer(1, 8192)))
    .addOption(new Option('--min-new-tokens <n>', 'no end of the answer before').argParser(integer(0, 8192)))
    .addOption(new Option('--stop <text>', 'end the answer before this text; may be repeated').argParser(list))
    .addOption(
      new Option('--sampling', 'draw tokens with the published settings instead of taking the best').conflicts('beams'),
    )
    .addOption(new Option('--beams <n>', 'beam search of this width').argParser(integer(1, 32)))
    .addOption(
      new Option('--length-penalty <x>', 'beams: above 0 favours long answers, below 0 short ones').argParser(
        decimal(-10, 10),
      ),
    )
    .addOption(new Option('--temperature <x>', 'sampling temperature').argParser(decimal(0, 100)))
    .addOption(new Option('--top-k <n>', 'sample among the n best tokens').argParser(integer(0, 1_000_000)))
    .addOption(new Option('--top-p <x>', 'sample among the best tokens of this probability').argParser(decimal(0, 1)))
    .addOption(new Option('--repetition-penalty <x>', 'penalty on tokens already used').argParser(decimal(0, 100)))
    .addOption(new Option('--seed <n>', 'seed of the sampling').argParser(integer(0, Number.MAX_SAFE_INTEGER)))
    .addOption(
      new Option('--logprobs <n>', 'with --json: log-probabilities of each token and the n best').argParser(
        integer(0, 20),
      ),
    )
    .option('--no-speculation', 'compute one token after the other; the answer is the same')
    .option('--exact', 'read pixels as the reference code does: EXIF, transparency and profiles ignored');
}

/**
 * The given options only: what is absent is the runtime's to decide.
 *
 * @throws {UsageError} for `--logprobs` without `--json`
 */
export function generationOptions(options: AnswerOptions): GenerationOptions {
  const { maxNewTokens, minNewTokens, stop, sampling, beams, lengthPenalty, logprobs } = options;
  const { temperature, topK, topP, repetitionPenalty, seed, speculation, json } = options;
  if (logprobs !== undefined && json !== true) {
    throw new UsageError('--logprobs are part of the JSON output', 'Add --json.');
  }
  const given = {
    maxNewTokens,
    minNewTokens,
    stop,
    sampling,
    beams,
    lengthPenalty,
    logprobs,
    temperature,
    topK,
    topP,
    repetitionPenalty,
    seed,
    speculation: speculation ? undefined : 'none',
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Digits beyond a hundredth are noise. */
export function roundedTimings(timings: Timings): Timings {
  const entries = Object.entries(timings).map(([name, value]: [string, number]) => [
    name,
    Math.round(value * 100) / 100,
  ]);
  return { ...timings, ...Object.fromEntries(entries) };
}

/** Draws what the model does before its first word. */
export function showProgress(progress: Progress, { phase, done, total }: ChatProgress): void {
  progress.update(phase === 'encode' ? 'looking at the picture' : 'reading the question', done / total);
}
