import type { Words } from '../language/english.js';

export interface Example {
  readonly key: keyof Words['exampleNames'];
  /** Beside the page. */
  readonly file: string;
  /** In the model's own words: it understands no others. */
  readonly questions: readonly string[];
}

export const EXAMPLES: readonly Example[] = [
  {
    key: 'receipt',
    file: './examples/receipt.png',
    questions: ['What is the total?', 'What is the name of the shop?', 'What is the date?'],
  },
  { key: 'sign', file: './examples/sign.png', questions: ['What does the sign say?'] },
  { key: 'note', file: './examples/note.png', questions: ['Read the text.', 'Read the first line.', 'Read line 3.'] },
  {
    key: 'screen',
    file: './examples/screen.png',
    questions: ['What is the title?', 'What does the right button say?', 'What does the message say?'],
  },
];
