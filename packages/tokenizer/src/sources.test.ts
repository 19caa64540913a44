import { describe, expect, it } from 'vitest';
import { difference, failures, readGolden, readGoldenRows } from '../test/golden.js';
import { byteTokens, makeTokenizerFile, parseRankFile, writeRankFile } from '../test/tokenizer-file.js';
import { type HuggingFaceTokenizerFile, Llama3Tokenizer } from './index.js';

const rankFile = readGolden('llama3.tiktoken');
const tokens = parseRankFile(rankFile);
const rows = readGoldenRows<{ id: string; text: string; ids: number[] }>('encode.jsonl');
const shipped = await Llama3Tokenizer.load();

function wrongRows(tokenizer: Llama3Tokenizer, sample = rows): string[] {
  return failures(sample, ({ text, ids }) => difference(tokenizer.encode(text), ids));
}

const formatError = expect.objectContaining({ code: 'TOKENIZER_FORMAT' });

describe('a rank file (tokenizer.model)', () => {
  it('is the same tokenizer as the shipped one', async () => {
    const tokenizer = await Llama3Tokenizer.load(rankFile);
    expect(wrongRows(tokenizer)).toEqual([]);
    expect([...tokenizer.specialTokens]).toEqual([...shipped.specialTokens]);
    expect(tokenizer.vocabSize).toBe(128256);
  });

  it('can be text or an ArrayBuffer, with any line ends and order', async () => {
    const lines = new TextDecoder().decode(rankFile).trimEnd().split('\n');
    const text = await Llama3Tokenizer.load(lines.toReversed().join('\r\n'));
    const buffer = await Llama3Tokenizer.load(Uint8Array.from(rankFile).buffer);
    const sample = rows.slice(0, 200);
    expect(wrongRows(text, sample)).toEqual([]);
    expect(wrongRows(buffer, sample)).toEqual([]);
  });

  it.each([
    ['no rank', 'IQ==\n'],
    ['no base64', '*** 0\n'],
    ['no token', ' 0\n'],
    ['a rank that is no number', 'IQ== x\n'],
    ['a rank beyond all limits', 'IQ== 99999999999\n'],
    ['too few tokens', 'IQ== 0\n'],
    ['nothing', ''],
    ['a rank twice', `${writeRankFile(byteTokens())}YWI= 7\n`],
    ['a token twice', `${writeRankFile(byteTokens())}QQ== 256\n`],
    ['a path', '/models/tokenizer.model'],
  ])('with %s is refused', async (_, text) => {
    await expect(Llama3Tokenizer.load(text)).rejects.toEqual(formatError);
  });

  it('of SentencePiece is refused', async () => {
    await expect(Llama3Tokenizer.load(Uint8Array.of(0x0a, 0x0e, 0x0a, 0x05, 0x3c, 0x75, 0x6e, 0x6b))).rejects.toEqual(
      formatError,
    );
  });
});

describe('a tokenizer.json', () => {
  const file = makeTokenizerFile(tokens, { ignoreMerges: true });

  it('has as many merges as the published one', () => expect(file.model.merges).toHaveLength(280_147));

  it('with ignore_merges is plain Llama 3, as object, text and bytes', async () => {
    const text = JSON.stringify(file);
    expect(wrongRows(await Llama3Tokenizer.load(file))).toEqual([]);
    expect(wrongRows(await Llama3Tokenizer.load(text), rows.slice(0, 200))).toEqual([]);
    expect(wrongRows(await Llama3Tokenizer.load(new TextEncoder().encode(text)), rows.slice(0, 200))).toEqual([]);
  });

  it('without ignore_merges merges every piece: 588 tokens differ', async () => {
    const merging = { ...file, model: { ...file.model, ignore_merges: false } };
    const fromFile = await Llama3Tokenizer.load(merging);
    const fromOption = await Llama3Tokenizer.load(undefined, { ignoreMerges: false });
    expect(fromFile.encode(' việc')).toEqual([3355, 26298, 66]);
    expect(shipped.encode(' việc')).toEqual([100769]);
    const texts = tokens.map((token) => new TextDecoder().decode(Uint8Array.from(token, (c) => c.charCodeAt(0))));
    const whole = texts.filter((text, id) => difference(shipped.encode(text), [id]) === undefined);
    const merged = whole.filter((text) => fromFile.encode(text).length > 1);
    expect(merged).toHaveLength(588);
    const all = [...texts, ...rows.map(({ text }) => text)].map((text) => ({ id: text, text }));
    const wrong = failures(all, ({ text }) => difference(fromOption.encode(text), fromFile.encode(text)));
    expect(wrong).toEqual([]);
  });

  it('can have its ignore_merges overruled', async () => {
    const tokenizer = await Llama3Tokenizer.load(file, { ignoreMerges: false });
    expect(tokenizer.encode(' việc')).toEqual([3355, 26298, 66]);
  });

  it('brings its added tokens; only special ones are skipped', async () => {
    const tokenizer = await Llama3Tokenizer.load(file);
    expect([...tokenizer.specialTokens.keys()]).toEqual(['<|begin_of_text|>', '<|eot_id|>', '<note>']);
    expect(tokenizer.encode('a<note>!!<|eot_id|>', { special: 'allow' })).toEqual([64, 128010, 3001, 128009]);
    expect(tokenizer.decode([64, 128010, 3001, 128009], { skipSpecial: true })).toBe('a<note>!!');
    const padded = await Llama3Tokenizer.load(file, { padIsSpecial: true });
    expect(padded.encode('a<note>!!<|eot_id|>', { special: 'allow' })).toEqual([64, 128010, 0, 0, 128009]);
  });

  it('may write merges as pairs', async () => {
    const small = makeTokenizerFile([...byteTokens(), 'ab', ' c', 'ab c'], { ignoreMerges: false });
    const merges = small.model.merges.map(
      (merge) => (typeof merge === 'string' ? merge.split(' ') : merge) as [string, string],
    );
    const tokenizer = await Llama3Tokenizer.load({ ...small, added_tokens: [], model: { ...small.model, merges } });
    expect(tokenizer.encode('ab c')).toEqual([256, 257]);
  });

  const small = makeTokenizerFile(byteTokens(), { ignoreMerges: false });
  const damaged: [string, unknown][] = [
    ['no model', { ...small, model: undefined }],
    ['another model', { ...small, model: { ...small.model, type: 'Unigram' } }],
    ['no merges', { ...small, model: { ...small.model, merges: undefined } }],
    ['dropout', { ...small, model: { ...small.model, dropout: 0.1 } }],
    ['a normalizer', { ...small, normalizer: { type: 'NFC' } }],
    ['another split', { ...small, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true } }],
    ['a merge of unknown tokens', { ...small, model: { ...small.model, merges: ['a b'] } }],
    ['more merges than any', { ...small, model: { ...small.model, merges: Array(2 ** 24) } }],
    ['a missing byte', { ...small, model: { ...small.model, vocab: { a: 0 } } }],
    ['an id twice', { ...small, model: { ...small.model, vocab: { ...small.model.vocab, ab: 5 } } }],
    ['an id that is no number', { ...small, model: { ...small.model, vocab: { ...small.model.vocab, ab: 'x' } } }],
    [
      'a token outside the byte characters',
      { ...small, model: { ...small.model, vocab: { ...small.model.vocab, 漢: 256 } } },
    ],
    ['an added token without content', { ...small, added_tokens: [{ id: 300, content: '' }] }],
    ['an added token that strips', { ...small, added_tokens: [{ id: 300, content: '<x>', lstrip: true }] }],
    ['an added token in the place of another', { ...small, added_tokens: [{ id: 5, content: '<x>' }] }],
  ];
  it.each(damaged)('with %s is refused', async (_, value) => {
    await expect(Llama3Tokenizer.load(value as HuggingFaceTokenizerFile)).rejects.toEqual(formatError);
  });

  it('cut short is refused', async () => {
    await expect(Llama3Tokenizer.load(JSON.stringify(small).slice(0, 500))).rejects.toEqual(formatError);
  });
});

describe('a vocabulary of single bytes', () => {
  const names = [
    '<|begin_of_text|>',
    '<|end_of_text|>',
    '<unk>',
    '<|start_header_id|>',
    '<|end_header_id|>',
    '<|eot_id|>',
    '<image>',
    '</image>',
  ];
  const map = Object.fromEntries(names.map((name, i) => [name, 256 + i]));
  const config = {
    added_tokens_decoder: Object.fromEntries(names.map((content, i) => [String(256 + i), { content, special: true }])),
    bos_token: '<|begin_of_text|>',
    eos_token: { content: '<|eot_id|>' },
    model_max_length: 2048,
  };
  const file = writeRankFile(byteTokens());

  it.each([
    ['an object', map],
    ['a map', new Map(Object.entries(map))],
    ['a tokenizer_config.json', config],
  ])('takes its special tokens from %s', async (_, specialTokens) => {
    const tokenizer = await Llama3Tokenizer.load(file, { specialTokens });
    expect(tokenizer.vocabSize).toBe(264);
    expect(tokenizer.bosId).toBe(256);
    expect(tokenizer.idOf('<image>')).toBe(262);
    expect(tokenizer.encode('aé<unk>', { bos: true, special: 'allow' })).toEqual([256, 97, 0xc3, 0xa9, 258]);
    expect(tokenizer.encode('<unk>')).toEqual([...'<unk>'].map((c) => c.charCodeAt(0)));
    expect(tokenizer.encodeChat([{ role: 'user', content: ' Hi ' }])).toEqual([
      256,
      259,
      ...Buffer.from('user'),
      260,
      10,
      10,
      72,
      105,
      261,
      259,
      ...Buffer.from('assistant'),
      260,
      10,
      10,
    ]);
    expect(tokenizer.decode([256, 0xf0, 0x9f, 0x98, 0x80, 261])).toBe('<|begin_of_text|>😀<|eot_id|>');
  });

  it('takes the end of text from a tokenizer_config.json', async () => {
    const tokenizer = await Llama3Tokenizer.load(file, { specialTokens: config });
    expect(tokenizer.eosId).toBe(261);
  });

  it('works without special tokens, and says so where one is needed', async () => {
    const tokenizer = await Llama3Tokenizer.load(file);
    expect(tokenizer.vocabSize).toBe(256);
    expect(tokenizer.bosId).toBeUndefined();
    expect(tokenizer.encode('hi', { special: 'allow' })).toEqual([104, 105]);
    const unknown = expect.objectContaining({ code: 'SPECIAL_TOKEN_UNKNOWN' });
    expect(() => tokenizer.encode('hi', { bos: true })).toThrow(unknown);
    expect(() => tokenizer.encodeChat([])).toThrow(unknown);
  });

  it('may leave ids without a token, which decode refuses', async () => {
    const tokenizer = await Llama3Tokenizer.load(file, { specialTokens: { '<a>': 300 } });
    expect(tokenizer.vocabSize).toBe(301);
    expect(tokenizer.decode([300])).toBe('<a>');
    expect(() => tokenizer.decode([299])).toThrow(expect.objectContaining({ code: 'TOKEN_ID_RANGE' }));
  });

  it('finds the longest of special tokens that start together', async () => {
    const tokenizer = await Llama3Tokenizer.load(file, { specialTokens: { '<a': 256, '<ab>': 257, '<abc': 258 } });
    expect(tokenizer.encode('<ab><abd<<a', { special: 'allow' })).toEqual([257, 256, 98, 100, 60, 256]);
  });

  it('refuses special tokens in the place of bytes', async () => {
    await expect(Llama3Tokenizer.load(file, { specialTokens: { '<a>': 97 } })).rejects.toEqual(formatError);
    await expect(Llama3Tokenizer.load(file, { specialTokens: { '<a>': -1 } })).rejects.toEqual(formatError);
  });
});
