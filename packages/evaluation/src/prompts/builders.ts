import { optionsOf, textOf, type DatasetRow } from '../data/sample.js';
import { EvaluationError } from '../errors.js';
import { images, questionBlock, text, type PromptPart, type PromptStyle } from './parts.js';

/** Builds the parts of a question's single user turn. */
export type PromptBuilder = (row: DatasetRow, imageCount: number, style: PromptStyle) => PromptPart[];

const CHOOSE =
  'Carefully read the following question and select the letter corresponding to the correct answer. ' +
  'Highlight the applicable choices without giving explanations.\nPlease just indicate your choice.';
// No full stop after "question": the original has none.
const ANSWER_DIRECTLY = 'Carefully read the following question Answer the question directly.';
const SHORT_ANSWER = 'Answer the question using a single word or phrase.';
const IN_DETAIL = 'Answer this question in detail.';
const SINGLE_WORD = 'Answer the question directly with single word.';
const SELECT_FROM_OPTIONS = 'Please select the correct answer from the options above. \n';

/** Multiple choice: instruction, images, question with options. Source: VLMEvalKit, `minicpm_v.py`, `image_mcq.py`. */
export const multipleChoicePrompt: PromptBuilder = (row, imageCount, style) => {
  if (style === 'default') return [...images(imageCount), text(defaultChoiceText(row))];
  return [text(choiceInstruction(row)), ...images(imageCount), text(questionBlock(row))];
};

/** MMMU: one text, with the images in front (`minicpm`) or where the text says `<image n>`. */
export const mmmuPrompt: PromptBuilder = (row, imageCount, style) => {
  if (style === 'default') return interleave(defaultChoiceText(row), imageCount);
  const whole = `${choiceInstruction(row)}\n${questionBlock(row)}`;
  if (style === 'minicpm-interleaved') return interleave(whole, imageCount);
  return [...images(imageCount), text(whole)];
};

/** Short-answer questions whose default prompt asks for a word or phrase: TextVQA, DocVQA, InfoVQA, ChartQA. */
export const shortAnswerPrompt: PromptBuilder = (row, imageCount, style) => {
  const question = textOf(row, 'question');
  if (style === 'default') return [...images(imageCount), text(`${question}\n${SHORT_ANSWER}`)];
  return [text(style === 'vqaeval' ? SINGLE_WORD : SHORT_ANSWER), ...images(imageCount), text(question)];
};

/** OCRBench and MathVista: as short answers, but the default prompt is the bare question. */
export const openQuestionPrompt: PromptBuilder = (row, imageCount, style) => [
  ...(style === 'default' ? [] : [text(SHORT_ANSWER)]),
  ...plainPrompt(row, imageCount, style),
];

/** MM-Vet: a detailed answer is asked for. */
export const detailedPrompt: PromptBuilder = (row, imageCount, style) => [
  ...(style === 'default' ? [] : [text(IN_DETAIL)]),
  ...plainPrompt(row, imageCount, style),
];

/** HallusionBench: the question asks for yes or no at its end. */
export const yesOrNoPrompt: PromptBuilder = (row, imageCount, style) => [
  ...images(imageCount),
  text(style === 'default' ? textOf(row, 'question') : `${textOf(row, 'question')} Yes or No?`),
];

/** The images and the question as it stands: MME, POPE, LLaVA-Bench. */
export const plainPrompt: PromptBuilder = (row, imageCount) => [...images(imageCount), text(textOf(row, 'question'))];

function choiceInstruction(row: DatasetRow): string {
  return Object.keys(optionsOf(row)).length > 0 ? CHOOSE : ANSWER_DIRECTLY;
}

function defaultChoiceText(row: DatasetRow): string {
  const hasOptions = Object.keys(optionsOf(row)).length > 0;
  return questionBlock(row) + (hasOptions ? SELECT_FROM_OPTIONS : '');
}

// Source: VLMEvalKit, `image_base.py` `split_MMMU`: a tag is "<image ", one digit, ">"; empty texts stay.
function interleave(whole: string, imageCount: number): PromptPart[] {
  const [first, ...rest] = whole.split('<image ');
  if (rest.length === 0) return [...images(imageCount), text(whole)];
  const parts = [text(first!)];
  for (const segment of rest) {
    const number = /^[0-9]>/.test(segment) ? Number(segment.charAt(0)) : 0;
    if (number < 1 || number > imageCount) {
      const tag = `<image ${segment.slice(0, 2)}`;
      throw new EvaluationError(
        'PROMPT_IMAGE_TAG',
        `Expected a tag from <image 1> to <image ${imageCount}>, got "${tag}".`,
        {
          hint: 'The row names an image that it does not have.',
        },
      );
    }
    parts.push({ type: 'image', image: number - 1 }, text(segment.slice(2)));
  }
  return parts;
}
