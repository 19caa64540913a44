import { DIALECTS, OpenAiModel, type Dialect } from '@pocketlens/provider-openai';
import type { VisionLanguageModel } from '@pocketlens/runtime';
import { type Command, Option } from 'commander';
import { UsageError } from './errors.js';
import type { CliIo } from './io.js';
import { addModelOptions, EMBEDDED, type ModelOptions, openModelFor } from './model-options.js';
import { integer } from './options.js';

const PROVIDERS = ['local', 'openai'] as const;
const KEY_VARIABLE = 'POCKETLENS_API_KEY';
const DEFAULT_RETRIES = 4;

/** Options of every command that can ask a model elsewhere. */
export interface ProviderOptions extends ModelOptions {
  readonly provider: (typeof PROVIDERS)[number];
  readonly baseUrl?: string;
  readonly apiKeyEnv: string;
  readonly dialect: Dialect;
  readonly requestTimeout: number;
}

/** A model here or elsewhere. */
export interface AnsweringModel extends Pick<VisionLanguageModel, 'chat' | 'generate' | 'dispose'> {
  readonly name: string;
}

/** Adds the options of a local model, and `--provider`, `--base-url`, `--api-key-env`, `--dialect` and `--request-timeout`. */
export function addProviderOptions(command: Command): Command {
  return addModelOptions(command)
    .addOption(
      new Option('--provider <name>', 'local: a model directory; openai: a server that speaks that protocol')
        .choices(PROVIDERS)
        .default('local'),
    )
    .option('--base-url <url>', 'address of the server, for example http://127.0.0.1:8000/v1')
    .option('--api-key-env <name>', 'environment variable that holds the key of the server', KEY_VARIABLE)
    .addOption(
      new Option('--dialect <name>', 'whose extensions of the protocol to send').choices(DIALECTS).default('openai'),
    )
    .addOption(
      new Option('--request-timeout <s>', 'longest wait for the server').argParser(integer(1, 86_400)).default(600),
    );
}

/**
 * Opens the model that the options name. Who sends pictures away is told so, and where to.
 *
 * @throws {UsageError} when server and model are not both named
 */
export async function openAnsweringModel(options: ProviderOptions, io: CliIo): Promise<AnsweringModel> {
  if (options.provider === 'local') {
    if (options.baseUrl !== undefined) throw new UsageError('--base-url is for a server', 'Add --provider openai.');
    const model = await openModelFor(options, io);
    return {
      name: model.config.name,
      chat: model.chat.bind(model),
      generate: model.generate.bind(model),
      dispose: () => model.dispose(),
    };
  }
  const { model, baseUrl, dialect, requestTimeout } = options;
  if (baseUrl === undefined) throw new UsageError('--provider openai needs an address', 'Add --base-url URL.');
  if (model === EMBEDDED) throw new UsageError('--provider openai needs a model', 'Add --model NAME.');
  const apiKey = io.env[options.apiKeyEnv];
  const remote = new OpenAiModel({
    baseUrl,
    model,
    dialect,
    timeoutMs: requestTimeout * 1000,
    maxRetries: DEFAULT_RETRIES,
    ...(apiKey === undefined || apiKey === '' ? {} : { apiKey }),
  });
  io.stderr.write(`note: pictures and questions are sent to ${remote.host}${encryptionNote(baseUrl)}\n`);
  return remote;
}

/** Says that everything is readable on its way, where it leaves this machine that way. */
export function encryptionNote(baseUrl: string): string {
  const { protocol, hostname } = new URL(baseUrl);
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === 'https:' || isLocal ? '' : ', not encrypted';
}
