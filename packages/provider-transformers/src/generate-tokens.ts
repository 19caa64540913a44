import type { PreTrainedModel, Tensor } from '@huggingface/transformers';
import type { GeneratedToken, GenerationSettings, TokenStream } from '@pocketlens/runtime/provider';
import { TokenSelector } from '@pocketlens/runtime/provider';
import type { Library } from './library.js';
import type { ModelInputs } from './prompt-reader.js';

/** What one answer is generated from. */
export interface TokenRequest {
  readonly library: Library;
  readonly model: PreTrainedModel;
  readonly inputs: ModelInputs;
  readonly settings: GenerationSettings;
  readonly maxNewTokens: number;
  readonly stopIds: ReadonlySet<number>;
  /** Throws when the answer is to end with an error. */
  readonly check: () => void;
  /** Takes the run of the library, which ends by itself after `check` begins to throw. */
  readonly onStart: (run: Promise<void>) => void;
}

/**
 * Runs the library's `generate` and gives its tokens as they come. Leaving the loop ends it after the token that is being
 * computed. Tokens are chosen by the runtime's rules: options mean the same as for local models.
 *
 * @returns through `return`: `stop` or `length`
 */
export async function* generateTokens(request: TokenRequest): TokenStream {
  const { library, model, inputs, maxNewTokens } = request;
  const choice = new Choice(request);
  const work = model
    .generate({
      ...inputs,
      max_new_tokens: maxNewTokens,
      do_sample: false,
      num_beams: 1,
      logits_processor: choice.asProcessor(library),
      stopping_criteria: choice.asCriterion(library),
    })
    .then(
      () => choice.end(),
      (error: unknown) => choice.fail(error),
    );
  request.onStart(work);
  try {
    for (let at = 0; ; at++) {
      const token = await choice.token(at);
      request.check();
      if (token === undefined) return choice.count < maxNewTokens ? 'stop' : 'length';
      yield token;
    }
  } finally {
    choice.stop();
    await work;
  }
}

/** Stands where the library chooses tokens: makes the choice, keeps it for the reader, and says when to end. */
class Choice {
  readonly #selector: TokenSelector;
  readonly #stopId: number;
  readonly #check: () => void;
  readonly #tokens: GeneratedToken[] = [];
  #isStopped = false;
  #hasEnded = false;
  #error: unknown;
  #wake: () => void = () => {};

  constructor({ settings, stopIds, check }: TokenRequest) {
    this.#check = check;
    this.#selector = new TokenSelector(settings, stopIds);
    this.#stopId = stopIds.values().next().value ?? 0;
  }

  get count(): number {
    return this.#tokens.length;
  }

  /** Waits for the token at this place; undefined when the answer ends before it. */
  async token(at: number): Promise<GeneratedToken | undefined> {
    while (at >= this.#tokens.length) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#hasEnded) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#tokens[at];
  }

  /** Ends the run after the token that is being computed. */
  stop(): void {
    this.#isStopped = true;
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#error = error;
    this.end();
  }

  /** Leaves the chosen token as the only possible one. */
  asProcessor(library: Library): InstanceType<Library['LogitsProcessorList']> {
    const choose = (scores: Float32Array): void => this.#choose(scores);
    class ChosenOnly extends library.LogitsProcessor {
      override _call(_: bigint[][], logits: Tensor): Tensor {
        choose(logits.data as Float32Array);
        return logits;
      }
    }
    const list = new library.LogitsProcessorList();
    list.push(new ChosenOnly());
    return list;
  }

  asCriterion(library: Library): InstanceType<Library['StoppingCriteria']> {
    const isStopped = (): boolean => this.#isStopped || throws(this.#check);
    class Stopped extends library.StoppingCriteria {
      override _call(ids: number[][]): boolean[] {
        return ids.map(isStopped);
      }
    }
    return new Stopped();
  }

  #choose(scores: Float32Array): void {
    const token = this.#selector.choose(scores);
    if (token === undefined) this.stop();
    else if (!this.#isStopped) this.#tokens.push(token);
    scores.fill(-Infinity)[token?.id ?? this.#stopId] = 0;
    this.#wake();
  }
}

function throws(check: () => void): boolean {
  try {
    check();
    return false;
  } catch {
    return true;
  }
}
