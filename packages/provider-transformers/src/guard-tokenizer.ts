import type { PreTrainedTokenizer } from '@huggingface/transformers';
import type { Library } from './library.js';

/** Text of a prompt, or the list of one that some processors pass. */
type PromptText = string | readonly [string];

/**
 * A tokenizer that encodes what lies between markers apart, so that no control word forms across them. A text without
 * markers is encoded as ever; one that begins with the first special token gets no second one.
 */
export function guardTokenizer(tokenizer: PreTrainedTokenizer, library: Library, marker: string): PreTrainedTokenizer {
  return new Proxy(tokenizer, {
    apply(target, self, [given, options]: [PromptText, object | undefined]) {
      const text = typeof given === 'string' ? given : given[0];
      const isBegun = typeof target.bos_token === 'string' && text.startsWith(target.bos_token);
      const special = isBegun ? { add_special_tokens: false } : {};
      if (!text.includes(marker)) return Reflect.apply(target, self, [given, { ...options, ...special }]) as unknown;
      const ids = encodePieces(target, text.split(marker), !isBegun).map(BigInt);
      const tensor = (values: bigint[]) => new library.Tensor('int64', BigInt64Array.from(values), [1, values.length]);
      return { input_ids: tensor(ids), attention_mask: tensor(ids.map(() => 1n)) };
    },
  });
}

function encodePieces(tokenizer: PreTrainedTokenizer, pieces: readonly string[], addSpecial: boolean): number[] {
  const plain = pieces.map((piece) => tokenizer.encode(piece, { add_special_tokens: false }));
  const ids = plain.flat();
  if (!addSpecial) return ids;
  // Around the first piece come the special tokens of the whole.
  const around = tokenizer.encode(pieces[0]!);
  const extra = around.length - plain[0]!.length;
  const before = around.findIndex((_, at) => plain[0]!.every((id, offset) => around[at + offset] === id));
  return [...around.slice(0, before), ...ids, ...around.slice(around.length - (extra - before))];
}
