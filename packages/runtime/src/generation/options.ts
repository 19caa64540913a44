import { InvalidArgumentError } from '@pocketlens/backend';
import { UnsupportedError } from '../errors.js';

/** How an answer is chosen. Without any of these it is greedy. */
export interface GenerationOptions {
  /** Most new tokens, 1..8192; default 1024, less when the context ends before. */
  readonly maxNewTokens?: number;
  /** Uses the published sampling values (temperature 0.7, top-p 0.8, top-k 100, penalty 1.05) where none are given. */
  readonly sampling?: boolean;
  /** 0..100; 0 is greedy. */
  readonly temperature?: number;
  /** Whole number; 0 keeps every token. */
  readonly topK?: number;
  /** Above 0, up to 1. */
  readonly topP?: number;
  /** Above 0; 1 is none. Covers generated tokens only, as the published code does. */
  readonly repetitionPenalty?: number;
  /** Whole number in 0..2^53 - 1: the same seed and input give the same answer. */
  readonly seed?: number;
  /** Beams of beam search, 1..32; default 1. Excludes sampling. */
  readonly beams?: number;
  /** Exponent of the length that divides the score of a beam, -10..10; default 1. Above 0 favours long answers. */
  readonly lengthPenalty?: number;
  /**
   * When beam search ends: with as many finished beams as there are beams (`true`), when a better one is unlikely
   * (`false`, default), or when none can come any more (`'never'`).
   */
  readonly earlyStopping?: EarlyStopping;
  /** End tokens are not chosen before as many tokens, 0..`maxNewTokens`; default 0. Stop texts end an answer at any length. */
  readonly minNewTokens?: number;
  /** The answer ends before the first of these texts. */
  readonly stop?: string | readonly string[];
  /** Tells for each token its log-probability and those of the best n, 0..20, as the model gives them. */
  readonly logprobs?: number;
  /**
   * Drafts from repeated token runs, checked by the model a few at a time (`'ngram'`, default), or one token after
   * the other (`'none'`). The answer is the same. Beam search drafts nothing.
   */
  readonly speculation?: Speculation;
}

export type EarlyStopping = boolean | 'never';
export type Speculation = 'ngram' | 'none';

/** Options with every default filled in. */
export interface GenerationSettings {
  readonly maxNewTokens: number;
  readonly isMaxNewTokensGiven: boolean;
  /** Absent: greedy, or beam search. */
  readonly sampling?: { readonly temperature: number; readonly topK: number; readonly topP: number };
  readonly repetitionPenalty: number;
  readonly seed?: number;
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: EarlyStopping;
  readonly minNewTokens: number;
  readonly stop: readonly string[];
  readonly logprobs?: number;
  readonly speculation: Speculation;
}

const MOST_NEW_TOKENS = 8192;
const DEFAULT_NEW_TOKENS = 1024;
const MOST_BEAMS = 32;
const MOST_TEMPERATURE = 100;
const MOST_LENGTH_PENALTY = 10;
/** As many as servers of this kind of interface offer. */
const MOST_LOGPROBS = 20;
/** @source MiniCPM-V, `modeling_minicpmv.py` `chat`, the branch with `sampling=True` */
const PUBLISHED_SAMPLING = { temperature: 0.7, topP: 0.8, topK: 100, repetitionPenalty: 1.05 } as const;
const NEUTRAL = { temperature: 1, topP: 1, topK: 0, repetitionPenalty: 1 } as const;

/**
 * Checks options and fills in defaults.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` with the range
 * @throws {UnsupportedError} `UNSUPPORTED` for beams together with sampling
 */
export function resolveGenerationOptions(options: GenerationOptions): GenerationSettings {
  const defaults = options.sampling === true ? PUBLISHED_SAMPLING : NEUTRAL;
  const { temperature = defaults.temperature, topP = defaults.topP, topK = defaults.topK } = options;
  const { repetitionPenalty = defaults.repetitionPenalty, maxNewTokens = DEFAULT_NEW_TOKENS, beams = 1 } = options;
  const { lengthPenalty = 1, earlyStopping = false, minNewTokens = 0, speculation = 'ngram', seed, logprobs } = options;
  checkNumber({ temperature }, (value) => value >= 0 && value <= MOST_TEMPERATURE, `0..${MOST_TEMPERATURE}`);
  checkNumber({ topP }, (value) => value > 0 && value <= 1, 'above 0, up to 1');
  checkNumber({ topK }, (value) => Number.isSafeInteger(value) && value >= 0, 'a whole number of at least 0');
  checkNumber({ repetitionPenalty }, (value) => value > 0 && value < Infinity, 'above 0');
  checkNumber({ lengthPenalty }, (value) => Math.abs(value) <= MOST_LENGTH_PENALTY, '-10..10');
  checkWhole({ maxNewTokens }, 1, MOST_NEW_TOKENS);
  checkWhole({ minNewTokens }, 0, maxNewTokens);
  checkWhole({ beams }, 1, MOST_BEAMS);
  if (seed !== undefined)
    checkNumber({ seed }, (value) => isWithin(value, 0, 2 ** 53 - 1), 'a whole number in 0..2^53 - 1');
  if (logprobs !== undefined) checkWhole({ logprobs }, 0, MOST_LOGPROBS);
  checkChoice({ earlyStopping }, [true, false, 'never']);
  checkChoice({ speculation }, ['ngram', 'none']);
  const isSampling = isSamplingAsked(options) && temperature > 0;
  if (isSampling && beams > 1) {
    throw new UnsupportedError('UNSUPPORTED', `${beams} beams exclude sampling`, { hint: 'Use one or the other.' });
  }
  return {
    maxNewTokens,
    isMaxNewTokensGiven: options.maxNewTokens !== undefined,
    repetitionPenalty,
    beams,
    lengthPenalty,
    earlyStopping,
    minNewTokens,
    speculation,
    stop: checkStop(options.stop),
    ...(isSampling ? { sampling: { temperature, topK, topP } } : {}),
    ...(seed === undefined ? {} : { seed }),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}

function isSamplingAsked({ sampling, temperature, topP, topK }: GenerationOptions): boolean {
  return sampling ?? [temperature, topP, topK].some((value) => value !== undefined);
}

function checkStop(stop: string | readonly string[] | undefined): readonly string[] {
  const texts = typeof stop === 'string' ? [stop] : (stop ?? []);
  if (texts.includes('')) throw new InvalidArgumentError('ARGUMENT_RANGE', 'a stop text must not be empty');
  return texts;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

/** The name of the only property is the name of the option. */
function checkNumber(
  named: Readonly<Record<string, number>>,
  isValid: (value: number) => boolean,
  range: string,
): void {
  for (const [name, value] of Object.entries(named)) if (!isValid(value)) refuse(name, value, range);
}

function checkWhole(named: Readonly<Record<string, number>>, least: number, most: number): void {
  checkNumber(named, (value) => isWithin(value, least, most), `a whole number in ${least}..${most}`);
}

function checkChoice(named: Readonly<Record<string, unknown>>, choices: readonly unknown[]): void {
  for (const [name, value] of Object.entries(named)) {
    if (!choices.includes(value))
      refuse(name, value, `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`);
  }
}

function refuse(name: string, value: unknown, range: string): never {
  throw new InvalidArgumentError('ARGUMENT_RANGE', `${name} must be ${range}, received ${String(value)}`);
}
