import type { JudgedSample } from '../benchmarks/benchmark.js';
import { optionsOf } from '../data/sample.js';
import { judgePrompt } from '../prompts/judge.js';
import { matchOption, type MatchedOption } from '../scoring/option-matcher.js';
import type { AskJudge } from './judge.js';
import { askUntilRead } from './tries.js';

const TRIES = 3;

/**
 * The option that an answer means, by a judge's word. After three replies that name none the established tool draws one at
 * random; here the answer stays unmatched, so that a score can be repeated.
 *
 * @source VLMEvalKit, `multiple_choice.py` `extract_answer_from_item`
 */
export async function judgeOption({ row, prediction, profile }: JudgedSample, ask: AskJudge): Promise<MatchedOption> {
  const options = optionsOf(row);
  const tries = { prompt: judgePrompt('mcq', row, prediction), count: TRIES, temperatureStep: 0 };
  const found = await askUntilRead(tries, ask, (reply) => {
    const option = matchOption(reply, options, profile);
    return option === false ? undefined : option;
  });
  return found ?? false;
}
