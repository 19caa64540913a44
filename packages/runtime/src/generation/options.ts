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
  /** The answer ends before the first of these texts. */
  readonly stop?: string | readonly string[];
}

/** Options with every default filled in. */
export interface GenerationSettings {
  readonly maxNewTokens: number;
  readonly isMaxNewTokensGiven: boolean;
  /** Absent: greedy, or beam search. */
  readonly sampling?: { readonly temperature: number; readonly topK: number; readonly topP: number };
  readonly repetitionPenalty: number;
  readonly seed?: number;
  readonly beams: number;
  readonly stop: readonly string[];
}

const MOST_NEW_TOKENS = 8192;
const DEFAULT_NEW_TOKENS = 1024;
const MOST_BEAMS = 32;
const MOST_TEMPERATURE = 100;
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
  const {
    repetitionPenalty = defaults.repetitionPenalty,
    maxNewTokens = DEFAULT_NEW_TOKENS,
    beams = 1,
    seed,
  } = options;
  checkRange('temperature', temperature, temperature >= 0 && temperature <= MOST_TEMPERATURE, `0..${MOST_TEMPERATURE}`);
  checkRange('topP', topP, topP > 0 && topP <= 1, 'above 0, up to 1');
  checkRange('topK', topK, Number.isSafeInteger(topK) && topK >= 0, 'a whole number of at least 0');
  checkRange('repetitionPenalty', repetitionPenalty, repetitionPenalty > 0 && repetitionPenalty < Infinity, 'above 0');
  checkRange(
    'maxNewTokens',
    maxNewTokens,
    isWithin(maxNewTokens, 1, MOST_NEW_TOKENS),
    `a whole number in 1..${MOST_NEW_TOKENS}`,
  );
  checkRange('beams', beams, isWithin(beams, 1, MOST_BEAMS), `a whole number in 1..${MOST_BEAMS}`);
  if (seed !== undefined)
    checkRange('seed', seed, isWithin(seed, 0, Number.MAX_SAFE_INTEGER), 'a whole number in 0..2^53 - 1');
  const isAsked =
    options.sampling ?? [options.temperature, options.topP, options.topK].some((value) => value !== undefined);
  const isSampling = isAsked && temperature > 0;
  if (isSampling && beams > 1) {
    throw new UnsupportedError('UNSUPPORTED', `${beams} beams exclude sampling`, { hint: 'Use one or the other.' });
  }
  return {
    maxNewTokens,
    isMaxNewTokensGiven: options.maxNewTokens !== undefined,
    repetitionPenalty,
    beams,
    stop: checkStop(options.stop),
    ...(isSampling ? { sampling: { temperature, topK, topP } } : {}),
    ...(seed === undefined ? {} : { seed }),
  };
}

function checkStop(stop: string | readonly string[] | undefined): readonly string[] {
  const texts = typeof stop === 'string' ? [stop] : (stop ?? []);
  if (texts.includes('')) throw new InvalidArgumentError('ARGUMENT_RANGE', 'a stop text must not be empty');
  return texts;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function checkRange(name: string, value: number, isValid: boolean, range: string): void {
  if (!isValid) throw new InvalidArgumentError('ARGUMENT_RANGE', `${name} must be ${range}, received ${value}`);
}
