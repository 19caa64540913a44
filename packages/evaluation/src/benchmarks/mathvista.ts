import { textOf, type DatasetRow } from '../data/sample.js';
import type { AskJudge } from '../judging/judge.js';
import { askUntilRead } from '../judging/tries.js';
import { openQuestionPrompt } from '../prompts/builders.js';
import { judgePrompt } from '../prompts/judge.js';
import { spreadsheetText, typedCell } from '../python/column.js';
import { listItems, parsePythonList } from '../python/literal.js';
import { parsePythonFloat, parsePythonInteger } from '../python/number.js';
import { matchOption } from '../scoring/option-matcher.js';
import type { Profile } from '../scoring/profile.js';
import type { Aggregator, Benchmark, Json, JudgedSample, SampleScore } from './benchmark.js';
import { vlmEvalKitBenchmark } from './vlmevalkit.js';

/**
 * MathVista, the small test set. Right is what needs no extraction by a language model; the rest counts as wrong and
 * unmatched. Source: VLMEvalKit, `mathvista.py`.
 */
export const mathVista: Benchmark = vlmEvalKitBenchmark({
  name: 'MathVista_MINI',
  title: 'Mathematics in pictures',
  agreement: 'lower-bound',
  maxNewTokens: 1024,
  prompt: openQuestionPrompt,
  score: (row, prediction, profile) => scoreMathVista({ row, prediction, extracted: '', profile }),
  judging: { role: 'extract', score: judgeMathVista },
  aggregator: mathVistaTable,
  resampling: { counts: ['tot', 'prefetch', 'hit'] },
});

/** What a MathVista answer is scored from. */
export interface MathVistaCase {
  readonly row: DatasetRow;
  readonly prediction: string;
  /** What a language model read out of the prediction; used only where the rules find nothing. */
  readonly extracted: string;
  readonly profile: Profile;
}

/** Compares a prediction, or else what a language model extracted from it, with the answer. */
export function scoreMathVista({ row, prediction, extracted, profile }: MathVistaCase): SampleScore {
  const prefetch = compare(row, prediction, profile);
  // A number 0 counts as "nothing found", so the extracted text decides; so it is in the original.
  const isFound = prefetch.found !== false && prefetch.found !== 0;
  const hit = isFound ? prefetch.isRight : compare(row, extracted === '' ? 'nan' : extracted, profile).isRight;
  return { value: hit ? 1 : 0, isUnmatched: !isFound, details: { prefetch: prefetch.found, hit } };
}

// The first reply is taken, whatever it says; only an empty one is asked for again.
// Source: VLMEvalKit, `mathvista.py` `MathVista_auxeval`.
async function judgeMathVista({ row, prediction, profile }: JudgedSample, ask: AskJudge): Promise<SampleScore> {
  const tries = { prompt: judgePrompt('mathvista', row, prediction), count: 5, temperatureStep: 0.5 };
  const reply = await askUntilRead(tries, ask, (text) => (text === '' ? undefined : text));
  const extracted = reply === undefined ? '' : (typedCell(spreadsheetText(reply), 'text') ?? 'nan');
  return { ...scoreMathVista({ row, prediction, extracted, profile }), isUnmatched: reply === undefined };
}

interface Comparison {
  /** The value read out of the text, false where none was; a choice is found even when it is wrong. */
  readonly found: string | number | false;
  readonly isRight: boolean;
}

function compare(row: DatasetRow, text: string, profile: Profile): Comparison {
  if (row.cells['question_type'] === 'multi_choice') {
    const choices = parsePythonList(textOf(row, 'choices')) ?? [];
    const options = Object.fromEntries(choices.map((choice, at) => [String.fromCodePoint(65 + at), choice]));
    const found = matchOption(text, options, profile);
    return { found, isRight: found !== false && found === row.cells['answer_option'] };
  }
  const answer = textOf(row, 'answer');
  if (row.cells['answer_type'] === 'integer') {
    const value = parsePythonInteger(text);
    const isRight = value !== undefined && value === parsePythonInteger(answer);
    return { found: isRight ? Number(value) : false, isRight };
  }
  if (row.cells['answer_type'] === 'float') {
    const value = parsePythonFloat(text);
    const isRight = value !== undefined && value === parsePythonFloat(answer);
    return { found: isRight ? value : false, isRight };
  }
  // Lists and texts are never compared: the original tests its own empty result against the answer.
  return { found: false, isRight: false };
}

interface Counts {
  total: number;
  prefetched: number;
  hits: number;
}

// Source: VLMEvalKit, `mathvista.py` `MathVista_acc`: overall, every skill and every task, in order of appearance.
function mathVistaTable(): Aggregator {
  const groups = new Map<string, Counts>();
  return {
    add(row, { value, details: { prefetch } }) {
      for (const name of ['Overall', ...listItems(textOf(row, 'skills')), textOf(row, 'task')]) {
        const counts = groups.get(name) ?? { total: 0, prefetched: 0, hits: 0 };
        groups.set(name, counts);
        counts.total += 1;
        if (prefetch !== false && prefetch !== 0) counts.prefetched += 1;
        counts.hits += value ?? 0;
      }
    },
    result() {
      const table = [...groups].map(([name, { total, prefetched, hits }]): Json => ({
        'Task&Skill': name,
        tot: total,
        prefetch: prefetched,
        hit: hits,
        prefetch_rate: (prefetched / total) * 100,
        acc: (hits / total) * 100,
      }));
      const overall = groups.get('Overall');
      const value = overall ? (overall.hits / overall.total) * 100 : Number.NaN;
      return { table, headline: { name: 'Overall', value, best: 100 } };
    },
  };
}
