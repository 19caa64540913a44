import { InvalidArgumentError } from '../errors.js';

type Step = 'any' | ((character: string) => boolean);

const MAX_PATTERN = 256;

/**
 * A test for a pattern: `*` any characters, `/` too; `?` one character; `[a-c]` one of these, `[!a-c]` none of them. A
 * pattern that ends in `/` means all below.
 *
 * Takes at most pattern times path steps, whatever a server names its files.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` for an empty or overlong pattern
 * @source Python, `fnmatch.translate`, as huggingface_hub's `allow_patterns` use it
 */
export function matcher(pattern: string): (path: string) => boolean {
  if (pattern === '' || pattern.length > MAX_PATTERN) {
    throw new InvalidArgumentError('ARGUMENT_RANGE', `a pattern has 1 to ${MAX_PATTERN} characters`);
  }
  const steps = parse(pattern.endsWith('/') ? `${pattern}*` : pattern);
  return (path) => matches(steps, path);
}

function parse(pattern: string): readonly Step[] {
  const steps: Step[] = [];
  for (const [piece, not, set] of pattern.matchAll(/\[(!?)(\]?[^\]]*)\]|[\s\S]/g)) {
    if (set !== undefined && set !== '') {
      const isListed = characterSet(set);
      steps.push(not === '!' ? (character) => !isListed(character) : isListed);
    } else if (piece === '*') steps.push('any');
    else if (piece === '?') steps.push(() => true);
    else for (const wanted of piece) steps.push((character) => character === wanted);
  }
  return steps;
}

function characterSet(set: string): (character: string) => boolean {
  const ranges = [...set.matchAll(/([\s\S])-([\s\S])|[\s\S]/g)].map(([one, from, to]) => [from ?? one, to ?? one]);
  return (character) => ranges.some(([from = '', to = '']) => from <= character && character <= to);
}

/** Goes back to the last `*` only: an earlier one can do nothing that the last one cannot. */
function matches(steps: readonly Step[], path: string): boolean {
  let step = 0;
  let lastAny = -1;
  let resumeAt = 0;
  for (let at = 0; at < path.length;) {
    const current = steps[step];
    if (current === 'any') {
      lastAny = step++;
      resumeAt = at;
    } else if (current?.(path.charAt(at)) === true) {
      step += 1;
      at += 1;
    } else if (lastAny >= 0) {
      step = lastAny + 1;
      at = ++resumeAt;
    } else return false;
  }
  return steps.slice(step).every((rest) => rest === 'any');
}
