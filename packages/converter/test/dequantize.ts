import type { LanguageConfig } from '../src/config.js';
import { cachedHeadDim, headSelection } from '../src/graphs/rotary.js';
import { quantizeInt4, type Int4Rows } from '../src/quantization/int4.js';
import { quantizeInt8 } from '../src/quantization/int8.js';
import type { QuantizationScheme } from '../src/quantization/scheme.js';
import type { RandomTensor, RandomTensors } from './random-checkpoint.js';

/** Values that int4 rows stand for, float32 [rows, columns]. */
export function dequantizeInt4(
  { codes, scales, zeroPoints }: Int4Rows,
  columns: number,
  blockSize: number,
): Float32Array {
  const blocks = Math.ceil(columns / blockSize);
  const half = (bytes: Uint8Array, place: number): number => (bytes[place >> 1]! >> (4 * (place & 1))) & 15;
  return Float32Array.from({ length: (scales.length / blocks) * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    const block = Math.floor((i % columns) / blockSize);
    const zeroPoint = half(zeroPoints, 2 * row * Math.ceil(blocks / 2) + block);
    const code = half(codes, (row * blocks + block) * blockSize + ((i % columns) % blockSize));
    return (code - zeroPoint) * scales[row * blocks + block]!;
  });
}

/** What is left of rows after quantisation. */
export function roundTrip(values: Float32Array, columns: number, scheme: QuantizationScheme): Float32Array {
  if (scheme.bits === 4) {
    return dequantizeInt4(quantizeInt4(values, columns, scheme, 'test'), columns, scheme.blockSize);
  }
  const { codes, scales } = quantizeInt8(values, columns, 'test');
  return Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / columns)]!);
}

const DECODER_LAYERS = /^llm\.(model\.layers\..*_proj|lm_head)\.weight$/;
const VISION_LAYERS =
  /^(vpm\.encoder\..*(_proj|fc[12])\.weight|resampler\.(kv_proj\.weight|attn\.(in_proj_weight|out_proj\.weight)))$/;

/** Names of the linear layers that are quantised in the decoder, or in the vision encoder. */
export function isQuantizedLayer(name: string, part: 'decoder' | 'vision', language: LanguageConfig): boolean {
  if (part === 'vision') return VISION_LAYERS.test(name) || name === 'resampler.proj';
  return DECODER_LAYERS.test(name) || (language.tieWordEmbeddings && name === 'llm.model.embed_tokens.weight');
}

/** The checkpoint's tensors as a quantised part sees them. */
export function quantizedTensors(
  tensors: RandomTensors,
  part: 'decoder' | 'vision',
  language: LanguageConfig,
  scheme: QuantizationScheme,
): RandomTensors {
  return new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      isQuantizedLayer(name, part, language)
        ? { ...tensor, values: quantizedValues(name, tensor, language, scheme) }
        : tensor,
    ]),
  );
}

function quantizedValues(
  name: string,
  { values, shape }: RandomTensor,
  language: LanguageConfig,
  scheme: QuantizationScheme,
): Float32Array {
  const [rows = 1, columns = 1] = shape;
  // Stored as [inputs, outputs] in the checkpoint.
  if (name === 'resampler.proj') return transposed(roundTrip(transposed(values, columns), rows, scheme), rows);
  if (!name.endsWith('o_proj.weight') || cachedHeadDim(language) === language.headDim) {
    return roundTrip(values, columns, scheme);
  }
  // Heads are filled up with zeros, which take part in the blocks.
  const select = headSelection(language);
  const filled = Float32Array.from({ length: rows * select.length }, (_, i) => {
    const column = select[i % select.length]!;
    return column < 0 ? 0 : values[Math.floor(i / select.length) * columns + column]!;
  });
  const rounded = roundTrip(filled, select.length, scheme);
  const result = new Float32Array(values.length);
  for (let i = 0; i < rounded.length; i++) {
    const column = select[i % select.length]!;
    if (column >= 0) result[Math.floor(i / select.length) * columns + column] = rounded[i]!;
  }
  return result;
}

function transposed(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}
