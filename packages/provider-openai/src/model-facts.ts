/** Plain values that a server tells of a model, by name; those of nested objects as `meta.n_params`. */
export type ModelFacts = Readonly<Record<string, string | number | boolean>>;

const MOST_FACTS = 64;
const LONGEST_TEXT = 500;
/** `created` is the time of the answer in vLLM. */
const NO_FACTS: ReadonlySet<string> = new Set(['id', 'object', 'created', 'permission']);

/** Reads the facts out of an entry in a server's list of models; what a server sends is bounded. */
export function factsOf(entry: object): ModelFacts {
  const facts: [string, string | number | boolean][] = [];
  const add = (name: string, value: unknown): void => {
    if (typeof value === 'string') facts.push([name, value.slice(0, LONGEST_TEXT)]);
    if (typeof value === 'number' || typeof value === 'boolean') facts.push([name, value]);
  };
  for (const [name, value] of Object.entries(entry)) {
    if (NO_FACTS.has(name)) continue;
    add(name, value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
    for (const [inner, one] of Object.entries(value)) add(`${name}.${inner}`, one);
  }
  return Object.fromEntries(facts.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MOST_FACTS));
}
