import path from 'node:path';
import { createJudge, type Judge, type Matching } from '@pocketlens/evaluation';
import { OpenAiModel } from '@pocketlens/provider-openai';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import type { CliIo } from '../io.js';
import { integer } from '../options.js';
import { encryptionNote } from '../provider-options.js';

const KEY_VARIABLE = 'POCKETLENS_JUDGE_API_KEY';

/** Options of every command that scores, for a judge model. */
export interface JudgeOptions {
  readonly judge?: string;
  readonly judgeUrl?: string;
  readonly judgeApiKeyEnv: string;
  readonly judgeCache?: string;
  readonly judgeConcurrency: number;
}

/** Adds `--judge`, `--judge-url`, `--judge-api-key-env`, `--judge-cache` and `--judge-concurrency`. */
export function addJudgeOptions(command: Command): Command {
  return command
    .option('--judge <model>', 'language model that reads what no rule can read, and grades open answers')
    .option('--judge-url <url>', 'address of its OpenAI-compatible server')
    .option('--judge-api-key-env <name>', 'environment variable that holds its key', KEY_VARIABLE)
    .option('--judge-cache <dir>', 'where its replies are kept (default: "judge" beside the predictions)')
    .addOption(
      new Option('--judge-concurrency <n>', 'samples that it has in work at once')
        .argParser(integer(1, 1024))
        .default(4),
    );
}

/**
 * The judge that the options name, undefined without one. Who sends answers away is told so, and where to.
 *
 * @param predictions - file that is scored: replies are kept beside it
 * @param isTold - whether it was said already
 * @throws {UsageError} when only one of model and address is named
 */
export function judgeOf(
  options: JudgeOptions,
  predictions: string,
  io: CliIo,
  { isTold = false }: { readonly isTold?: boolean } = {},
): Judge | undefined {
  const { judge, judgeUrl, judgeApiKeyEnv, judgeCache } = options;
  if (judge === undefined && judgeUrl === undefined) return undefined;
  if (judge === undefined) throw new UsageError('--judge-url needs a model', 'Add --judge MODEL.');
  if (judgeUrl === undefined) throw new UsageError('--judge needs an address', 'Add --judge-url URL.');
  const apiKey = io.env[judgeApiKeyEnv];
  const model = new OpenAiModel({
    baseUrl: judgeUrl,
    model: judge,
    ...(apiKey === undefined || apiKey === '' ? {} : { apiKey }),
  });
  if (!isTold)
    io.stderr.write(
      `note: questions and answers, without pictures, are sent to ${model.host}${encryptionNote(judgeUrl)}\n`,
    );
  return createJudge({ model, name: judge, cache: judgeCache ?? path.join(path.dirname(predictions), 'judge') });
}

/** `judged by NAME (12 samples), 2 unmatched`, or `exact matching, 14 unmatched count as wrong` */
export function describeMatching({ by, judge, judged }: Matching, unmatched: number): string {
  const left = unmatched === 0 ? 'nothing unmatched' : `${unmatched} unmatched, counted as wrong`;
  return by === 'judge' ? `judged by ${judge} (${judged} samples), ${left}` : `exact matching without a judge, ${left}`;
}
