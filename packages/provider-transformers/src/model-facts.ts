import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from '@huggingface/transformers';

/** Numbers of a checkpoint that an answer depends on, wherever its configuration keeps them. */
export interface ModelFacts {
  /** Most positions of a conversation, answer included; Infinity where the checkpoint does not tell. */
  readonly contextLength: number;
  /** The id that stands where picture embeddings go. */
  readonly imageTokenId: number | undefined;
  readonly stopIds: ReadonlySet<number>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads them as the library's `generate` does: generation_config.json before config.json. */
export function readModelFacts(model: PreTrainedModel, tokenizer: PreTrainedTokenizer): ModelFacts {
  const config = model.config as unknown as Fields;
  const inner = (config['text_config'] ?? config['llm_config'] ?? {}) as Fields;
  const generation = (model.generation_config ?? {}) as Fields;
  const ends = [generation, inner, config].map((fields) => fields['eos_token_id']).find(isGiven);
  const number = (...values: readonly unknown[]): number | undefined =>
    values.find((value) => typeof value === 'number');
  return {
    contextLength: number(inner['max_position_embeddings'], config['max_position_embeddings']) ?? Infinity,
    imageTokenId: number(config['image_token_index'], config['image_token_id']),
    stopIds: new Set([ends ?? tokenizer.eos_token_id].flat().filter((id): id is number => typeof id === 'number')),
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** How often an id is among those of a prompt. */
export function countTokens(ids: Tensor, wanted: number | undefined): number {
  if (wanted === undefined) return 0;
  return (ids.tolist() as bigint[][]).flat().filter((id) => id === BigInt(wanted)).length;
}
