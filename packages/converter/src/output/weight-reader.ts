import type { GraphWeight } from '../graphs/builder.js';
import { streamCodes, type QuantizationRest, type QuantizedTensor } from '../quantization/tensor.js';
import { streamTensor } from '../tensors/stream.js';
import type { OutputContext } from './output.js';

/**
 * Reads the weights of a graph in their order: the scales and zero points of a quantised matrix come out together with its
 * codes, and wait here for their own turn.
 */
export class WeightReader {
  readonly #context: Pick<OutputContext, 'checkpoint' | 'signal' | 'quantizer'>;
  #current: QuantizedTensor | undefined;
  #rest: QuantizationRest = { scales: new Uint8Array(), zeroPoints: new Uint8Array() };

  constructor(context: Pick<OutputContext, 'checkpoint' | 'signal' | 'quantizer'>) {
    this.#context = context;
  }

  async *read(weight: GraphWeight): AsyncGenerator<Uint8Array> {
    const { checkpoint, signal } = this.#context;
    if (!('quantized' in weight)) {
      yield* streamTensor(weight.source, { checkpoint, dtype: weight.dataType, signal });
    } else if (weight.part === 'codes') {
      yield* this.#quantize(weight.quantized);
    } else {
      // Codes that an earlier run has written are made again for what belongs to them.
      if (this.#current !== weight.quantized) for await (const _ of this.#quantize(weight.quantized));
      yield this.#rest[weight.part];
    }
  }

  async *#quantize(tensor: QuantizedTensor): AsyncGenerator<Uint8Array> {
    this.#current = tensor;
    this.#rest = { scales: new Uint8Array(), zeroPoints: new Uint8Array() };
    yield* streamCodes(tensor, this.#rest, this.#context);
  }
}
