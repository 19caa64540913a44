export const BEGIN_OF_TEXT = '<|begin_of_text|>';
export const END_OF_TEXT = '<|end_of_text|>';
export const START_HEADER = '<|start_header_id|>';
export const END_HEADER = '<|end_header_id|>';
export const END_OF_TURN = '<|eot_id|>';

/** Tokens of the Llama 3 vocabulary before the special ones. */
export const LLAMA3_BASE_VOCAB_SIZE = 128_000;
const LLAMA3_SPECIAL_TOKENS = 256;

/**
 * The 256 special tokens of Llama 3 (not 3.1), ids 128000 to 128255.
 *
 * @source meta-llama/llama3, `llama/tokenizer.py`, `special_tokens`
 */
export function llama3SpecialTokens(): ReadonlyMap<string, number> {
  const named = new Map([
    [0, BEGIN_OF_TEXT],
    [1, END_OF_TEXT],
    [6, START_HEADER],
    [7, END_HEADER],
    [9, END_OF_TURN],
  ]);
  const tokens = new Map<string, number>();
  let reserved = 0;
  for (let index = 0; index < LLAMA3_SPECIAL_TOKENS; index++) {
    const name = named.get(index) ?? `<|reserved_special_token_${reserved++}|>`;
    tokens.set(name, LLAMA3_BASE_VOCAB_SIZE + index);
  }
  return tokens;
}

/**
 * The names that MiniCPM-Llama3-V 2.5 gives to reserved ids of Llama 3: pass them as `specialTokens`.
 *
 * @source openbmb/MiniCPM-Llama3-V-2_5, `tokenizer_config.json`
 */
export const MINICPM_LLAMA3_V_2_5_SPECIAL_TOKENS: Readonly<Record<string, number>> = {
  '<unk>': 128002,
  '<image>': 128010,
  '</image>': 128011,
  '<ref>': 128012,
  '</ref>': 128013,
  '<box>': 128014,
  '</box>': 128015,
  '<quad>': 128016,
  '</quad>': 128017,
  '<point>': 128018,
  '</point>': 128019,
  '<slice>': 128020,
  '</slice>': 128021,
};
