import { optionsOf, textOf, type DatasetRow } from '../data/sample.js';
import {
  COMPARE_LLAVA,
  EXTRACT_ANSWER,
  GRADE_MM_VET,
  MATCH_OPTION,
  MATCH_OPTION_CHINESE,
  MATCH_YES_NO,
} from './judge-texts.js';

/** What a judge model is asked: match an option, match yes or no, extract an answer, or grade one. */
export type JudgeTask = 'mcq' | 'yorn' | 'mathvista' | 'mmvet' | 'llavabench';

/** Every task a judge can get. */
export const JUDGE_TASKS: readonly JudgeTask[] = ['mcq', 'yorn', 'mathvista', 'mmvet', 'llavabench'];

const CHINESE = /[\u4e00-\u9fff]/;

/** The exact prompt that the established tool sends to its judge for a row and a prediction. */
export function judgePrompt(task: JudgeTask, row: DatasetRow, prediction: string): string {
  const question = textOf(row, 'question');
  switch (task) {
    case 'mcq':
      return optionPrompt(row, question, prediction);
    case 'yorn':
      return `${MATCH_YES_NO}Question: ${question}?\nAnswer: ${prediction}\nYour output: `;
    case 'mathvista':
      // "respone" and the missing line end are the original's.
      return `${EXTRACT_ANSWER}${question}\nModel respone: ${prediction}Extracted answer:`;
    case 'mmvet': {
      const truth = textOf(row, 'answer').replaceAll('<AND>', ' <AND> ').replaceAll('<OR>', ' <OR> ');
      return GRADE_MM_VET + [question, truth, prediction, ''].join(' | ');
    }
    case 'llavabench':
      return (
        `[Context]\n${textOf(row, 'caption')}\n\n[Question]\n${question}\n\n` +
        `[Assistant 1]\n${textOf(row, 'gpt4_ans')}\n\n[End of Assistant 1]\n\n` +
        `[Assistant 2]\n${prediction}\n\n[End of Assistant 2]\n\n[System]\n${COMPARE_LLAVA}\n\n`
      );
  }
}

function optionPrompt(row: DatasetRow, question: string, prediction: string): string {
  const lines = Object.entries(optionsOf(row)).map(([letter, option]) => `${letter}. ${option}\n`);
  const options = `There are several options: \n${lines.join('')}`;
  return CHINESE.test(question)
    ? `${MATCH_OPTION_CHINESE}问题: ${question}?\n选项: ${options}\n答案: ${prediction}\n输出: `
    : `${MATCH_OPTION}Question: ${question}?\nOptions: ${options}\nAnswer: ${prediction}\nYour output: `;
}
