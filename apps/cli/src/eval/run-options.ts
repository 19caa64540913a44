import { PROMPT_STYLES, type PromptStyle, type RunOptions } from '@pocketlens/evaluation';
import { type Command, Option } from 'commander';
import { integer } from '../options.js';
import { addProviderOptions, type ProviderOptions } from '../provider-options.js';
import type { PlannedRun } from './record-run.js';

/** Options of `eval run` that say how questions are asked. */
export interface AskingOptions extends ProviderOptions {
  readonly prompts?: PromptStyle;
  readonly beams?: number;
  readonly concurrency: number;
  readonly retries: number;
  readonly sampleTimeout?: number;
}

/** Adds the options of `AskingOptions`. */
export function addAskingOptions(command: Command): Command {
  return addProviderOptions(command)
    .addOption(new Option('--prompts <style>', 'whose prompts to send (default: minicpm)').choices(PROMPT_STYLES))
    .addOption(
      new Option('--beams <n>', 'beam search of this width instead of the published one; 1 is greedy').argParser(
        integer(1, 32),
      ),
    )
    .addOption(new Option('--concurrency <n>', 'samples to ask at once').argParser(integer(1, 1024)).default(1))
    .addOption(new Option('--retries <n>', 'repetitions of a sample that failed').argParser(integer(0, 100)).default(2))
    .addOption(new Option('--sample-timeout <s>', 'longest time for a sample').argParser(integer(1, 86_400)));
}

/** Prompt style and settings of generation: what the options say, else the plan. */
export function settingsOf({ prompts, beams }: AskingOptions, planned: PlannedRun<never>['settings']): typeof planned {
  return {
    promptStyle: prompts ?? planned.promptStyle,
    generation: { ...planned.generation, ...(beams === undefined ? {} : { beams }) },
  };
}

/** How patiently questions are asked. */
export function patienceOf({
  concurrency,
  retries,
  sampleTimeout,
}: AskingOptions): Pick<RunOptions, 'concurrency' | 'retries' | 'sampleTimeoutMs'> {
  return {
    concurrency,
    retries: { maxRetries: retries },
    ...(sampleTimeout === undefined ? {} : { sampleTimeoutMs: sampleTimeout * 1000 }),
  };
}
