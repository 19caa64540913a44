/** Words for the object classes of COCO, as Object HalBench knows them. */
export interface ObjectWords {
  /** The class that a word or two-word name stands for. */
  readonly classes: ReadonlyMap<string, string>;
  /** Two words, and the word that they become. */
  readonly pairs: ReadonlyMap<string, string>;
}

const ANIMALS = [
  'bird',
  'cat',
  'dog',
  'horse',
  'sheep',
  'cow',
  'elephant',
  'bear',
  'zebra',
  'giraffe',
  'animal',
  'cub',
];
const VEHICLES = ['jet', 'train'];

/**
 * Reads a table of synonyms: a class a line, its words separated by commas, the first one its name.
 *
 * @source RLHF-V/RLAIF-V, `eval_gpt_obj_halbench.py` `CHAIR.__init__`
 */
export function parseObjectWords(table: string): ObjectWords {
  const classes = new Map<string, string>();
  for (const line of table.split('\n')) {
    const words = line.split(',').map((word) => word.trim().toLowerCase());
    for (const word of words) if (word !== '') classes.set(word, words[0]!);
  }
  const pairs = new Map<string, string>();
  for (const name of [...classes.keys(), 'home plate', 'train track']) {
    if (name.includes(' ')) pairs.set(name, name);
  }
  for (const animal of ANIMALS) {
    pairs.set(`baby ${animal}`, animal);
    pairs.set(`adult ${animal}`, animal);
  }
  for (const vehicle of VEHICLES) pairs.set(`passenger ${vehicle}`, vehicle);
  pairs.set('bow tie', 'tie');
  pairs.set('toilet seat', 'toilet');
  return { classes, pairs };
}

/**
 * Words of a text that stand for objects, in order, each as often as it occurs: classic CHAIR. Plurals are reduced by
 * WordNet's rules, where that gives a known word.
 *
 * @source Rohrbach et al., Object Hallucination in Image Captioning (2018), `caption_to_words`
 */
export function objectsInText(text: string, words: ObjectWords): string[] {
  const tokens = tokensOf(text);
  const objects: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const pair = pairAt(tokens, at, words);
    if (pair !== undefined) {
      objects.push(pair);
      at += 1;
      continue;
    }
    const known = baseForms(tokens[at]!).find((form) => words.classes.has(form));
    if (known !== undefined) objects.push(known);
  }
  return objects;
}

/**
 * Words for the objects that a judge has listed, each once. The original takes lemmas and runs of nouns from spaCy's
 * `en_core_web_trf`; here a phrase is one run of nouns after its leading attributes, and plurals are reduced by rules.
 *
 * @source RLHF-V/RLAIF-V, `eval_gpt_obj_halbench.py` `get_pred_objs_match`
 */
export function objectsOfPhrases(phrases: readonly string[], words: ObjectWords): string[] {
  const objects = phrases.flatMap((phrase) => {
    const tokens = tokensOf(phrase);
    const pairs = pairsIn(tokens, words);
    if (pairs.length > 0) return pairs;
    const nouns = tokens.slice(tokens.findIndex((token) => !ATTRIBUTES.has(token)));
    if (nouns.length === 0) return [];
    const rest = nouns.slice(0, -1);
    const forms = baseForms(nouns.at(-1)!).map((form) => [...rest, form].join(' '));
    return [forms.find((form) => words.classes.has(form)) ?? forms[0]!];
  });
  return [...new Set(objects)];
}

function pairsIn(tokens: readonly string[], words: ObjectWords): string[] {
  const found: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const pair = pairAt(tokens, at, words);
    if (pair === undefined) continue;
    found.push(pair);
    at += 1;
  }
  return found;
}

function pairAt(tokens: readonly string[], at: number, { pairs }: ObjectWords): string | undefined {
  const [first, second] = [tokens[at]!, tokens[at + 1]];
  if (second === undefined) return undefined;
  for (const left of baseForms(first)) {
    for (const right of baseForms(second)) {
      const word = pairs.get(`${left} ${right}`);
      if (word !== undefined) return word;
    }
  }
  return undefined;
}

function tokensOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*/gu) ?? [];
}

/** WordNet's rules of detachment for nouns; `ves` also gives `fe`, where WordNet has a list of exceptions. */
const DETACHMENTS: readonly (readonly [ending: string, replacement: string])[] = [
  ['ses', 's'],
  ['ves', 'f'],
  ['ves', 'fe'],
  ['xes', 'x'],
  ['zes', 'z'],
  ['ches', 'ch'],
  ['shes', 'sh'],
  ['men', 'man'],
  ['ies', 'y'],
  ['s', ''],
];
const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ['mice', 'mouse'],
  ['geese', 'goose'],
  ['oxen', 'ox'],
  ['calves', 'calf'],
]);

/** The word as it stands, then what it may be the plural of. */
function baseForms(word: string): string[] {
  const irregular = IRREGULAR.get(word);
  const forms = irregular === undefined ? [word] : [word, irregular];
  for (const [ending, replacement] of DETACHMENTS) {
    const form = word.slice(0, -ending.length) + replacement;
    if (word.endsWith(ending) && form !== '') forms.push(form);
  }
  return forms;
}

/** What judges leave before an object although they are told not to. */
const ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    'a an the this that these those some several many few multiple various other another one two three four five six seven ' +
    'eight nine ten red orange yellow green blue purple pink brown black white gray grey golden silver beige dark light ' +
    'bright colorful colourful striped large big small tiny little huge tall short long wide narrow round square old new ' +
    'young wooden metal metallic plastic open closed empty full wet dry clean dirty'
  ).split(' '),
);
