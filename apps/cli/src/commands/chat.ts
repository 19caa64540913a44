import { Command } from 'commander';
import { addCascadeOptions, type CascadeOptions, openCascade } from '../cascade-options.js';
import { Conversation, loadPicture, type Picture } from '../chat/conversation.js';
import { Interrupts } from '../chat/interrupts.js';
import { openQuestions, type QuestionSource } from '../chat/question-source.js';
import { saveTranscript } from '../chat/transcript.js';
import { CliError, describeError, FailedCheck } from '../errors.js';
import { addAnswerOptions, type AnswerOptions, generationOptions } from '../generation-options.js';
import { type CliIo, writeJson } from '../io.js';
import { createProgress } from '../progress.js';
import { addProviderOptions } from '../provider-options.js';

interface ChatCommandOptions extends CascadeOptions, AnswerOptions {
  readonly json?: true;
}

const COMMANDS = `/image PATH   show a picture with the next question
/clear        forget the conversation and its pictures
/save FILE    write the conversation: JSON to a file ending with .json, else text
/help         this list
/exit         leave (so does Ctrl-D)
//...         a question that begins with a slash
`;

/** What a line of a conversation works on. */
interface Context {
  readonly conversation: Conversation;
  readonly interrupts: Interrupts;
  readonly options: ChatCommandOptions;
  readonly io: CliIo;
}

/** Follows one line. False ends the conversation. */
async function follow(line: string, context: Context): Promise<boolean> {
  if (!line.startsWith('/') || line.startsWith('//')) {
    await answer(line.startsWith('//') ? line.slice(1) : line, context);
    return true;
  }
  const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  const { conversation, options, io } = context;
  switch (name) {
    case 'image':
      conversation.addPicture(await loadPicture(needed(rest, '/image PATH'), options, io));
      return true;
    case 'clear':
      conversation.clear();
      return true;
    case 'save':
      await saveTranscript(needed(rest, '/save FILE'), conversation.transcript);
      io.stderr.write(`saved ${rest}\n`);
      return true;
    case 'help':
      io.stderr.write(COMMANDS);
      return true;
    case 'exit':
    case 'quit':
      return false;
    default:
      throw new CliError('UNKNOWN_COMMAND', `/${name} is not a command`, {
        hint: '/help lists them; a question may begin with //.',
      });
  }
}

function needed(value: string, usage: string): string {
  if (value !== '') return value;
  throw new CliError('USAGE', `expected ${usage}`);
}

async function answer(question: string, { conversation, interrupts, io }: Context): Promise<void> {
  const signal = AbortSignal.any([interrupts.begin(), io.signal]);
  try {
    await conversation.ask(question, signal);
  } catch (error) {
    if (!signal.aborted || io.signal.aborted || interrupts.left.aborted) throw error;
  } finally {
    interrupts.end();
  }
}

/** Follows line after line; tells of failures and goes on. False when there were any. */
async function converse(questions: QuestionSource, context: Context): Promise<boolean> {
  const { io, interrupts, options } = context;
  let isClean = true;
  questions.prompt();
  for await (const line of questions.lines) {
    try {
      if (line.trim() !== '' && !(await follow(line.trim(), context))) break;
    } catch (error) {
      if (io.signal.aborted || interrupts.left.aborted) throw interrupts.left.reason ?? error;
      isClean = false;
      await tell(error, options, io);
    }
    questions.prompt();
  }
  return isClean;
}

async function tell(error: unknown, { json }: ChatCommandOptions, io: CliIo): Promise<void> {
  const { code, message, hint } = describeError(error);
  if (json === true) await writeJson(io.stdout, { error: { code, message, ...(hint === undefined ? {} : { hint }) } });
  io.stderr.write(`error: ${message}\n`);
  if (hint !== undefined) io.stderr.write(`       ${hint}\n`);
}

async function run(files: readonly string[], options: ChatCommandOptions, io: CliIo): Promise<void> {
  const generation = generationOptions(options);
  const pictures: Picture[] = [];
  for (const file of files) pictures.push(await loadPicture(file, options, io));
  const progress = createProgress(io);
  progress.update('opening the model');
  const model = await openCascade(options, io).finally(() => progress.clear());
  const interrupts = new Interrupts((isAnswering) =>
    io.stderr.write(`\n(${isAnswering ? 'stopped; ' : ''}Ctrl-C again leaves)\n`),
  );
  const release = io.onInterrupt?.(() => interrupts.press());
  io.signal.addEventListener('abort', () => interrupts.leave(), { once: true });
  const questions = openQuestions(io, interrupts);
  try {
    const conversation = new Conversation(model, { options, generation, io });
    for (const picture of pictures) conversation.addPicture(picture);
    if (questions.isInteractive) io.stderr.write('/help lists commands, /exit or Ctrl-D leaves.\n');
    const isClean = await converse(questions, { conversation, interrupts, options, io });
    // Nobody was there to see it: the exit status tells.
    if (!isClean && !questions.isInteractive) throw new FailedCheck();
  } finally {
    questions.close();
    release?.();
    await model.dispose();
  }
}

/** `pocketlens chat`: a conversation about pictures. */
export function chatCommand(io: CliIo): Command {
  const command = new Command('chat')
    .description('talk about pictures, question by question')
    .argument('[image...]', 'image files, shown with the first question')
    .addHelpText(
      'after',
      `\nOne question a line, from the terminal or from standard input. Lines that begin with a slash:\n${COMMANDS}\nCtrl-C stops an answer, a second one leaves.`,
    );
  addAnswerOptions(command).option(
    '--json',
    'print one JSON object a question: model, question, answer, usage, timings',
  );
  return addCascadeOptions(addProviderOptions(command)).action((images: string[], options: ChatCommandOptions) =>
    run(images, options, io),
  );
}
