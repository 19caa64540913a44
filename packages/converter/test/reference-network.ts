import { bucketIds } from './positions.js';
import type { RandomTensors } from './random-checkpoint.js';
import type { TestSlice } from './engine.js';

/** Rows of equal width in float64. */
type Rows = Float64Array[];

/** Sizes that the plain network needs. */
export interface ReferenceConfig {
  readonly visionHeads: number;
  readonly visionLayers: number;
  readonly visionEpsilon: number;
  readonly side: number;
  readonly patch: number;
  readonly positions: 'strip' | 'grid';
  readonly resamplerHeads: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly layers: number;
  readonly rmsEpsilon: number;
  readonly theta: number;
}

/**
 * MiniCPM-V written down plainly in float64, without engine, cache or fused operators: what converted models are held
 * against where no golden file exists.
 */
export class ReferenceNetwork {
  readonly #tensors: RandomTensors;
  readonly #config: ReferenceConfig;
  readonly #hasRoundedInput: (name: string) => boolean;

  /** `hasRoundedInput` names the weights whose layers round every row of their input to 8 bits. */
  constructor(tensors: RandomTensors, config: ReferenceConfig, hasRoundedInput?: (name: string) => boolean) {
    this.#tensors = tensors;
    this.#config = config;
    this.#hasRoundedInput = hasRoundedInput ?? (() => false);
  }

  /** Image features of a zero-padded batch, all slices after each other. */
  imageFeatures(slices: readonly TestSlice[]): Float64Array {
    const length = Math.max(...slices.map(({ grid: [rows, columns] }) => rows * columns));
    return Float64Array.from(
      slices.flatMap((slice) => this.#resample(this.#tower(slice, length), slice.grid)).flatMap((row) => [...row]),
    );
  }

  /** Logits of every position of embeddings [n, hidden]. */
  logits(embeddings: Float32Array): Float64Array {
    const { hidden, heads, kvHeads, layers, rmsEpsilon, theta } = this.#config;
    let x: Rows = chunk(embeddings, hidden);
    for (let layer = 0; layer < layers; layer++) {
      const name = `llm.model.layers.${layer}`;
      const normed = x.map((row) => this.#rmsNorm(row, `${name}.input_layernorm`, rmsEpsilon));
      const headDim = this.#shape(`${name}.self_attn.q_proj.weight`)[0]! / heads;
      const turn = (rows: Rows): Rows => rows.map((row, position) => rotate(row, headDim, position, theta));
      const [q, k, v] = ['q', 'k', 'v'].map((part) => this.#linear(normed, `${name}.self_attn.${part}_proj`, false));
      const attended = attend({ q: turn(q!), k: turn(k!), v: v! }, heads, { group: heads / kvHeads, isCausal: true });
      x = add(x, this.#linear(attended, `${name}.self_attn.o_proj`, false));
      const again = x.map((row) => this.#rmsNorm(row, `${name}.post_attention_layernorm`, rmsEpsilon));
      const gate = this.#linear(again, `${name}.mlp.gate_proj`, false);
      const up = this.#linear(again, `${name}.mlp.up_proj`, false);
      const product = gate.map((row, i) => row.map((value, j) => (value / (1 + Math.exp(-value))) * up[i]![j]!));
      x = add(x, this.#linear(product, `${name}.mlp.down_proj`, false));
    }
    const normed = x.map((row) => this.#rmsNorm(row, 'llm.model.norm', rmsEpsilon));
    const head = this.#tensors.has('llm.lm_head.weight') ? 'llm.lm_head' : 'llm.model.embed_tokens';
    return Float64Array.from(this.#linear(normed, head, false).flatMap((row) => [...row]));
  }

  #tower({ pixels, grid }: TestSlice, length: number): Rows {
    const { patch, side, positions, visionLayers } = this.#config;
    const count = grid[0] * grid[1];
    const [strip, rowIds, colIds] = [bucketIds(length, side), bucketIds(grid[0], side), bucketIds(grid[1], side)];
    const table = this.#rows('vpm.embeddings.position_embedding.weight');
    const patches = Array.from({ length }, (_, place) => {
      const values = new Float64Array(3 * patch * patch);
      if (place < count) {
        for (let line = 0; line < 3 * patch; line++) {
          for (let x = 0; x < patch; x++) values[line * patch + x] = pixels[line * count * patch + place * patch + x]!;
        }
      }
      return values;
    });
    const onGrid = (place: number): number =>
      place < count ? rowIds[Math.floor(place / grid[1])]! * side + colIds[place % grid[1]]! : 0;
    let x = add(
      this.#linear(patches, 'vpm.embeddings.patch_embedding'),
      patches.map((_, place) => table[positions === 'strip' ? strip[place]! : onGrid(place)]!),
    );
    for (let layer = 0; layer < visionLayers; layer++) x = this.#towerLayer(x, `vpm.encoder.layers.${layer}`);
    return x.map((row) => this.#layerNorm(row, 'vpm.post_layernorm', this.#config.visionEpsilon));
  }

  #towerLayer(input: Rows, name: string): Rows {
    const { visionEpsilon, visionHeads } = this.#config;
    const normed = input.map((row) => this.#layerNorm(row, `${name}.layer_norm1`, visionEpsilon));
    const [q, k, v] = ['q', 'k', 'v'].map((part) => this.#linear(normed, `${name}.self_attn.${part}_proj`));
    const attended = attend({ q: q!, k: k!, v: v! }, visionHeads, {});
    const middle = add(input, this.#linear(attended, `${name}.self_attn.out_proj`));
    const again = middle.map((row) => this.#layerNorm(row, `${name}.layer_norm2`, visionEpsilon));
    const inner = this.#linear(again, `${name}.mlp.fc1`).map((row) => row.map(geluTanh));
    return add(middle, this.#linear(inner, `${name}.mlp.fc2`));
  }

  #resample(tower: Rows, [rows, columns]: readonly [number, number]): Rows {
    const { hidden, resamplerHeads } = this.#config;
    const projected = this.#tensors.has('resampler.kv_proj.weight')
      ? this.#linear(tower, 'resampler.kv_proj', false)
      : tower;
    const values = projected.slice(0, rows * columns).map((row) => this.#layerNorm(row, 'resampler.ln_kv', 1e-6));
    const keys = values.map((row, place) => {
      const position = sineCosine(hidden, Math.floor(place / columns), place % columns);
      return row.map((value, i) => value + position[i]!);
    });
    const queries = this.#rows('resampler.query').map((row) => this.#layerNorm(row, 'resampler.ln_q', 1e-6));
    const weight = this.#rows('resampler.attn.in_proj_weight');
    const bias = this.#values('resampler.attn.in_proj_bias');
    const project = (input: Rows, part: number): Rows =>
      multiply(
        this.#input(input, 'resampler.attn.in_proj_weight'),
        weight.slice(part * hidden, (part + 1) * hidden),
        bias.subarray(part * hidden),
      );
    const attended = attend({ q: project(queries, 0), k: project(keys, 1), v: project(values, 2) }, resamplerHeads, {});
    const out = this.#linear(attended, 'resampler.attn.out_proj');
    const normed = this.#input(
      out.map((row) => this.#layerNorm(row, 'resampler.ln_post', 1e-6)),
      'resampler.proj',
    );
    const proj = this.#rows('resampler.proj');
    return normed.map((row) =>
      Float64Array.from({ length: hidden }, (_, j) => row.reduce((sum, value, i) => sum + value * proj[i]![j]!, 0)),
    );
  }

  #values(name: string): Float32Array {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor.values;
  }

  #shape(name: string): readonly number[] {
    return this.#tensors.get(name)?.shape ?? [];
  }

  #rows(name: string): Rows {
    const [count = 1] = this.#shape(name);
    const values = this.#values(name);
    return chunk(values, values.length / count);
  }

  #linear(input: Rows, name: string, hasBias = true): Rows {
    return multiply(
      this.#input(input, `${name}.weight`),
      this.#rows(`${name}.weight`),
      hasBias ? this.#values(`${name}.bias`) : undefined,
    );
  }

  #input(rows: Rows, weight: string): Rows {
    if (!this.#hasRoundedInput(weight)) return rows;
    return rows.map((row) => {
      const step = Math.max(...row.map(Math.abs)) / 127;
      return row.map((value) => (step === 0 ? 0 : Math.round(value / step) * step));
    });
  }

  #layerNorm(row: Float64Array, name: string, epsilon: number): Float64Array {
    const [weight, bias] = [this.#values(`${name}.weight`), this.#values(`${name}.bias`)];
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * weight[i]! + bias[i]!);
  }

  #rmsNorm(row: Float64Array, name: string, epsilon: number): Float64Array {
    const weight = this.#values(`${name}.weight`);
    const square = row.reduce((sum, value) => sum + value ** 2, 0) / row.length;
    return row.map((value, i) => (value / Math.sqrt(square + epsilon)) * weight[i]!);
  }
}

function chunk(values: Float32Array, width: number): Rows {
  return Array.from({ length: values.length / width }, (_, i) =>
    Float64Array.from(values.subarray(i * width, (i + 1) * width)),
  );
}

function add(a: Rows, b: Rows): Rows {
  return a.map((row, i) => row.map((value, j) => value + b[i]![j]!));
}

/** Input rows times the transpose of the weight's rows. */
function multiply(input: Rows, weight: Rows, bias?: Float32Array): Rows {
  return input.map((row) =>
    Float64Array.from(weight, (column, j) => {
      let sum = bias?.[j] ?? 0;
      for (let i = 0; i < row.length; i++) sum += row[i]! * column[i]!;
      return sum;
    }),
  );
}

interface Projections {
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
}

function attend(
  { q, k, v }: Projections,
  heads: number,
  { group = 1, isCausal = false }: { readonly group?: number; readonly isCausal?: boolean },
): Rows {
  const width = q[0]!.length / heads;
  return q.map((query, position) => {
    const out = new Float64Array(query.length);
    for (let head = 0; head < heads; head++) {
      const kvStart = Math.floor(head / group) * width;
      const seen = isCausal ? position + 1 : k.length;
      const scores = Array.from({ length: seen }, (_, key) => {
        let sum = 0;
        for (let i = 0; i < width; i++) sum += query[head * width + i]! * k[key]![kvStart + i]!;
        return sum / Math.sqrt(width);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [key, weight] of weights.entries()) {
        for (let i = 0; i < width; i++) out[head * width + i]! += (weight / total) * v[key]![kvStart + i]!;
      }
    }
    return out;
  });
}

/** Rotary position in the half-split form. */
function rotate(row: Float64Array, headDim: number, position: number, theta: number): Float64Array {
  return row.map((value, index) => {
    const [place, half] = [index % headDim, headDim / 2];
    const angle = position * theta ** ((-2 * (place % half)) / headDim);
    const other = place < half ? -row[index + half]! : row[index - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** Angles rounded to float32 at every step, as `resampler.py` has them. */
function sineCosine(size: number, row: number, column: number): Float64Array {
  const quarter = size / 4;
  return Float64Array.from({ length: size }, (_, i) => {
    const coordinate = i < size / 2 ? column : row;
    const omega = Math.fround(1 / Math.fround(10_000 ** Math.fround((i % quarter) / quarter)));
    const angle = Math.fround(coordinate * omega);
    return i % (size / 2) < quarter ? Math.sin(angle) : Math.cos(angle);
  });
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
