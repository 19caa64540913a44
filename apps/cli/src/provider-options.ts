import { DIALECTS, OpenAiModel, type Dialect } from '@pocketlens/provider-openai';
import type { AnsweringModel, VisionLanguageModel } from '@pocketlens/runtime';
import { type Command, Option } from 'commander';
import { UsageError } from './errors.js';
import type { CliIo } from './io.js';
import { addModelOptions, EMBEDDED, type ModelOptions, openModelFor } from './model-options.js';
import { openTransformers } from './open-transformers.js';
import { integer } from './options.js';

const PROVIDERS = ['local', 'openai', 'transformers'] as const;
const KEY_VARIABLE = 'POCKETLENS_API_KEY';
const DEFAULT_RETRIES = 4;

/** Where a server is and how it is asked. */
export interface ServerOptions {
  readonly baseUrl?: string;
  readonly apiKeyEnv: string;
  readonly dialect: Dialect;
  readonly requestTimeout: number;
}

/** Options of every command that can ask a model of another kind, or elsewhere. */
export interface ProviderOptions extends ModelOptions, ServerOptions {
  readonly provider: (typeof PROVIDERS)[number];
}

/** A model that the command line has opened; those of this project have sessions, which keep what earlier turns computed. */
export interface OpenedModel extends AnsweringModel {
  readonly session?: VisionLanguageModel['session'];
}

/** Adds the options of a local model, and `--provider`, `--base-url`, `--api-key-env`, `--dialect` and `--request-timeout`. */
export function addProviderOptions(command: Command): Command {
  return addModelOptions(command)
    .addOption(
      new Option(
        '--provider <name>',
        'local: a model directory; transformers: one of transformers.js, or org/name from the cache; openai: a server that speaks that protocol',
      )
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
export async function openAnsweringModel(options: ProviderOptions, io: CliIo): Promise<OpenedModel> {
  const { provider, model, baseUrl } = options;
  if (provider !== 'openai' && baseUrl !== undefined) {
    throw new UsageError('--base-url is for a server', 'Add --provider openai.');
  }
  if (provider === 'local') return openLocal(options, io);
  if (model === EMBEDDED) throw new UsageError(`--provider ${provider} needs a model`, 'Add --model NAME.');
  if (provider === 'transformers') return openTransformers(options, io);
  const remote = openServerModel(model, options, io);
  io.stderr.write(`note: pictures and questions are sent to ${remote.host}${encryptionNote(baseUrl)}\n`);
  return remote;
}

/**
 * A model behind a server; nothing is sent yet.
 *
 * @throws {UsageError} without an address
 */
export function openServerModel(model: string, options: ServerOptions, { env }: Pick<CliIo, 'env'>): OpenAiModel {
  const { baseUrl, dialect, requestTimeout } = options;
  if (baseUrl === undefined) throw new UsageError('a model behind a server needs its address', 'Add --base-url URL.');
  const apiKey = env[options.apiKeyEnv];
  return new OpenAiModel({
    baseUrl,
    model,
    dialect,
    timeoutMs: requestTimeout * 1000,
    maxRetries: DEFAULT_RETRIES,
    ...(apiKey === undefined || apiKey === '' ? {} : { apiKey }),
  });
}

async function openLocal(options: ModelOptions, io: CliIo): Promise<OpenedModel> {
  const model = await openModelFor(options, io);
  return {
    name: model.config.name,
    chat: model.chat.bind(model),
    generate: model.generate.bind(model),
    session: model.session.bind(model),
    dispose: () => model.dispose(),
  };
}

/** Says that everything is readable on its way, where it leaves this machine that way. */
export function encryptionNote(baseUrl = ''): string {
  if (!URL.canParse(baseUrl)) return '';
  const { protocol, hostname } = new URL(baseUrl);
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === 'https:' || isLocal ? '' : ', not encrypted';
}
