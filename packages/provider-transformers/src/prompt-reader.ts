import type { PreTrainedTokenizer, Processor, RawImage, Tensor } from '@huggingface/transformers';
import { InvalidPromptError, type Message, UnsupportedError } from '@pocketlens/runtime';
import { contentParts } from '@pocketlens/runtime/provider';
import { guardTokenizer } from './guard-tokenizer.js';
import type { Library } from './library.js';
import { breakControls, controlPattern, createMarker } from './literal-text.js';
import { countTokens } from './model-facts.js';

/** What a model is asked with: ids, pictures and whatever else its processor makes. */
export interface ModelInputs extends Readonly<Record<string, unknown>> {
  /** int64 `[1, positions]`, places of pictures included. */
  readonly input_ids: Tensor;
}

/** Turns conversations into the inputs of one model. */
export class PromptReader {
  readonly #processor: Processor;
  /** Encodes what lies between markers apart. */
  readonly tokenizer: PreTrainedTokenizer;
  readonly #imagesFirst: boolean;
  readonly #controls: RegExp;
  readonly #marker: string = createMarker();

  /** @throws {UnsupportedError} `UNSUPPORTED` for a model without a processor or a chat template */
  constructor(processor: Processor, library: Library) {
    const { tokenizer } = processor;
    if (tokenizer === undefined || processor.image_processor === undefined) {
      throw new UnsupportedError(
        'UNSUPPORTED',
        'transformers.js has no processor of pictures and text for this model',
        {
          hint: 'preprocessor_config.json must name a processor_class that the library knows.',
        },
      );
    }
    if (!hasText(processor.chat_template) && !hasText(tokenizer.chat_template)) {
      throw new UnsupportedError('UNSUPPORTED', 'the model has no chat template, so it takes no conversation', {
        hint: 'Take an instruction-tuned model, or add chat_template.jinja.',
      });
    }
    this.#processor = processor;
    this.tokenizer = guardTokenizer(tokenizer, library, this.#marker);
    processor.components['tokenizer'] = this.tokenizer;
    this.#imagesFirst = takesImagesFirst(processor, library);
    this.#controls = controlPattern(controlWords(tokenizer));
  }

  /**
   * The inputs of a conversation. What users wrote is text: control words in it are encoded in pieces.
   *
   * @param imageTokenId - of the places of pictures
   * @throws {InvalidPromptError} `PROMPT_IMAGE_COUNT` when the template leaves pictures out
   */
  async read(
    messages: readonly Message[],
    images: readonly RawImage[],
    imageTokenId: number | undefined,
  ): Promise<ModelInputs> {
    const inputs = await this.#process(this.#render(messages), images);
    if (images.length > 0 && imageTokenId !== undefined && countTokens(inputs.input_ids, imageTokenId) === 0) {
      throw new InvalidPromptError('PROMPT_IMAGE_COUNT', "the model's chat template has no place for pictures");
    }
    return inputs;
  }

  #render(messages: readonly Message[]): string {
    const conversation = messages.map((message) => ({
      role: message.role,
      content: contentParts(message).map((part) =>
        part.type === 'image'
          ? { type: 'image' as const }
          : { type: 'text' as const, text: breakControls(part.text, this.#controls, this.#marker) },
      ),
    }));
    const options = { add_generation_prompt: true, tokenize: false } as const;
    return this.#processor.apply_chat_template(conversation, options) as unknown as string;
  }

  async #process(prompt: string, images: readonly RawImage[]): Promise<ModelInputs> {
    if (images.length === 0) return this.tokenizer(prompt) as ModelInputs;
    const order = this.#imagesFirst ? [[...images], prompt] : [prompt, [...images]];
    return (await this.#processor(...order)) as ModelInputs;
  }
}

function hasText(template: unknown): boolean {
  return template !== null && template !== undefined && template !== '';
}

/** The processors of the library do not agree on the order of their arguments. */
function takesImagesFirst(processor: Processor, library: Library): boolean {
  const { LlavaProcessor, PixtralProcessor, PaliGemmaProcessor, Lfm2VlProcessor, Lfm3VlProcessor } = library;
  const classes = [LlavaProcessor, PixtralProcessor, PaliGemmaProcessor, Lfm2VlProcessor, Lfm3VlProcessor];
  return classes.some((one) => processor instanceof one);
}

function controlWords(tokenizer: PreTrainedTokenizer): Set<string> {
  const named = Object.entries(tokenizer.config as Record<string, unknown>).flatMap(([key, word]) =>
    key.endsWith('_token') && typeof word === 'string' ? [word] : [],
  );
  return new Set([...tokenizer.all_special_tokens, ...named]);
}
