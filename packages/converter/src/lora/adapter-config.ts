import { join } from 'node:path';
import { ModelFormatError, systemErrorCode } from '../errors.js';
import { isJsonObject, parseJson, preview, type JsonObject } from '../json.js';
import { readBounded } from '../read-bounded.js';

export const ADAPTER_CONFIG_FILE = 'adapter_config.json';

/** What `adapter_config.json` of a LoRA adapter says about its numbers. */
export interface AdapterConfig {
  /** Rank of a module's update. */
  rank(module: string): number;
  /** Factor of a module's update: alpha / rank, or alpha / sqrt(rank) with `use_rslora`. */
  scale(module: string): number;
}

/** Kinds of adapters that change more than W + scale * B A, by the key that asks for them. */
const REFUSED_KEYS: readonly (readonly [key: string, what: string])[] = [
  ['use_dora', 'DoRA (it scales the merged columns)'],
  ['lora_bias', 'a bias in lora_B'],
  ['use_qalora', 'QA-LoRA'],
  ['layer_replication', 'replicated layers'],
  ['target_parameters', 'updates of bare parameters'],
  ['trainable_token_indices', 'single trained token rows'],
  ['alora_invocation_tokens', 'activated LoRA (it acts on some tokens only)'],
  ['ensure_weight_tying', 'adapters that are tied to each other'],
  ['use_bdlora', 'block-diagonal LoRA'],
  ['kasa_config', 'KaSA'],
];

/**
 * Keys that are read below, or that do not change how an adapter is merged. `fan_in_fan_out` has no effect on linear
 * layers, which are all that this model has: PEFT turns it off for them.
 */
const KNOWN_KEYS: ReadonlySet<string> = new Set(
  `peft_type r lora_alpha use_rslora rank_pattern alpha_pattern init_lora_weights target_modules exclude_modules
  layers_to_transform layers_pattern modules_to_save bias lora_dropout task_type inference_mode revision
  base_model_name_or_path peft_version auto_mapping megatron_config megatron_core loftq_config eva_config corda_config
  lora_ga_config velora_config qalora_group_size runtime_config fan_in_fan_out`.split(/\s+/),
);

/** Initialisations that take something off the base weights: the adapter does not fit the published ones. */
const REFUSED_INITIALISATION = /^(pissa|olora|corda|loftq|lora_ga)/i;

/**
 * Reads `adapter_config.json` as PEFT writes it.
 *
 * @throws {ModelFormatError} `MODEL_CONFIG` when it is missing, no LoRA adapter, or of a kind that cannot be merged
 * @source https://github.com/huggingface/peft `tuners/lora/config.py`, `tuners/lora/layer.py` (`update_layer`)
 */
export async function readAdapterConfig(directory: string): Promise<AdapterConfig> {
  const bytes = await readBounded(join(directory, ADAPTER_CONFIG_FILE), ADAPTER_CONFIG_FILE).catch((cause: unknown) => {
    if (systemErrorCode(cause) !== 'ENOTDIR') throw cause;
    throw new ModelFormatError('MODEL_CONFIG', `${directory} is a file; an adapter directory is expected`, { cause });
  });
  if (bytes === undefined) {
    throw new ModelFormatError('MODEL_CONFIG', `${directory} has no ${ADAPTER_CONFIG_FILE}`, {
      hint: 'Name the directory of a LoRA adapter as PEFT saves it.',
    });
  }
  return parseAdapterConfig(parseJson(new TextDecoder().decode(bytes), ADAPTER_CONFIG_FILE, 'MODEL_CONFIG'));
}

/** Checks a parsed `adapter_config.json`. */
export function parseAdapterConfig(root: JsonObject): AdapterConfig {
  refuseUnsupported(root);
  const rank = positive('r', root['r']);
  const alpha = positive('lora_alpha', root['lora_alpha']);
  if (!Number.isInteger(rank)) throw wrong('r', 'a whole number', rank);
  const isRankStabilised = root['use_rslora'] === true;
  const ranks = readPattern(root, 'rank_pattern');
  const alphas = readPattern(root, 'alpha_pattern');
  const rankOf = (module: string): number => ranks(module) ?? rank;
  return {
    rank: rankOf,
    scale(module) {
      const moduleRank = rankOf(module);
      return (alphas(module) ?? alpha) / (isRankStabilised ? Math.sqrt(moduleRank) : moduleRank);
    },
  };
}

function refuseUnsupported(root: JsonObject): void {
  if (root['peft_type'] !== 'LORA') throw wrong('peft_type', '"LORA"', root['peft_type']);
  const refused = new Map(REFUSED_KEYS);
  for (const [key, value] of Object.entries(root)) {
    if (KNOWN_KEYS.has(key) || isUnset(value)) continue;
    const what = refused.get(key) ?? preview(value);
    throw new ModelFormatError('MODEL_CONFIG', `${ADAPTER_CONFIG_FILE}: ${key} asks for ${what}: not supported`, {
      hint: 'Merge the adapter with PEFT (merge_and_unload) and convert the result.',
    });
  }
  const initialisation = root['init_lora_weights'];
  if (typeof initialisation === 'string' && REFUSED_INITIALISATION.test(initialisation)) {
    throw new ModelFormatError(
      'MODEL_CONFIG',
      `${ADAPTER_CONFIG_FILE}: init_lora_weights ${preview(initialisation)} changes the base weights: not supported`,
      { hint: 'Save it with path_initial_model_for_weight_conversion, which makes an ordinary adapter of it.' },
    );
  }
}

function isUnset(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isJsonObject(value)) return Object.keys(value).length === 0;
  return value === null || value === false;
}

/**
 * Numbers by module name. A key is a regular expression for the end of the name, from a dot or the beginning on; the
 * first that fits counts.
 */
function readPattern(root: JsonObject, key: string): (module: string) => number | undefined {
  const value = root[key] ?? {};
  if (!isJsonObject(value)) throw wrong(key, 'an object', value);
  const rules = Object.entries(value).map(([pattern, number]) => {
    const name = `${key}.${pattern}`;
    try {
      return { expression: new RegExp(`^(?:.*\\.)?(?:${pattern})$`), number: positive(name, number) };
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw new ModelFormatError('MODEL_CONFIG', `${ADAPTER_CONFIG_FILE}: ${preview(name)} is no pattern`, { cause });
    }
  });
  return (module) => rules.find(({ expression }) => expression.test(module))?.number;
}

function positive(key: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw wrong(key, 'a positive number', value);
}

function wrong(key: string, expected: string, value: unknown): ModelFormatError {
  return new ModelFormatError(
    'MODEL_CONFIG',
    `${ADAPTER_CONFIG_FILE}: ${key} must be ${expected}, got ${preview(value)}`,
  );
}
