import { cascade, type CascadeFinishPart, parseRule, type Rule, RULES } from '@pocketlens/cascade';
import type { FinishPart } from '@pocketlens/runtime';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { describeError, UsageError } from './errors.js';
import type { CliIo } from './io.js';
import { given } from './model-options.js';
import {
  encryptionNote,
  openAnsweringModel,
  type OpenedModel,
  openServerModel,
  type ProviderOptions,
} from './provider-options.js';

/** Options of commands that may ask a second model elsewhere, where a rule says so. */
export interface CascadeOptions extends ProviderOptions {
  readonly remote?: string;
  readonly escalate?: Rule;
  readonly allowRemote?: true;
  readonly json?: true;
}

const REMOTE = /^openai:(.+)$/;

/** Adds `--remote`, `--escalate` and `--allow-remote`. */
export function addCascadeOptions(command: Command): Command {
  return command
    .option('--remote <model>', 'openai:NAME, behind --base-url: the model to ask where --escalate says so')
    .addOption(new Option('--escalate <rule>', `when to ask it: ${RULES}; several with commas`).argParser(readRule))
    .option('--allow-remote', 'consent to sending pictures and questions there; without it nothing is sent');
}

/**
 * Opens the model that the options name, with a remote one behind it where they name one.
 *
 * @throws {UsageError} for a part of these options without the others
 */
export async function openCascade(options: CascadeOptions, io: CliIo): Promise<OpenedModel> {
  const { remote, escalate, allowRemote } = options;
  if (remote === undefined) {
    if (escalate === undefined && allowRemote === undefined) return openAnsweringModel(options, io);
    throw new UsageError('--escalate and --allow-remote are for a remote model', 'Add --remote openai:NAME.');
  }
  if (escalate === undefined) throw new UsageError('--remote needs a rule', `Add --escalate RULE: ${RULES}.`);
  const name = REMOTE.exec(remote)?.[1];
  if (name === undefined) throw new UsageError(`expected openai:NAME for --remote, received ${remote}`);
  if (options.provider === 'openai')
    throw new UsageError('--remote stands behind a model on this machine', 'Leave out --provider.');
  const far = openServerModel(name, options, io);
  const consent = allowRemote === true;
  if (consent) {
    const where = `${far.host}${encryptionNote(options.baseUrl)}`;
    io.stderr.write(`note: pictures and questions are sent to ${where}, where the rule ${escalate.name} says so\n`);
  }
  const { baseUrl: _, ...here } = options;
  const local = await openAnsweringModel(here, io);
  // One JSON object holds a whole answer: there the local one can stand in for any that broke off.
  return cascade(local, far, escalate, { consent, holdRemote: options.json === true });
}

/** Which model an answer is from, as `--json` tells it; nothing where there is only one. */
export function originOf(finish: FinishPart): Partial<Pick<CascadeFinishPart, 'answeredBy' | 'escalation'>> {
  const { answeredBy, escalation }: Partial<CascadeFinishPart> = finish;
  return given({ answeredBy, escalation });
}

/** Says which model an answer is from, where there are two. */
export function originNote(finish: FinishPart): string {
  const { answeredBy } = originOf(finish);
  return answeredBy === undefined ? '' : `note: answered by ${answeredBy.model} (${answeredBy.where})\n`;
}

function readRule(text: string): Rule {
  try {
    return parseRule(text);
  } catch (error) {
    throw new InvalidArgumentError(describeError(error).message);
  }
}
