import { ModelFormatError, type Dtype } from '@pocketlens/backend';

type TheirDtype = 'fp32' | 'fp16' | 'q8' | 'q4' | 'q4f16';

/** What transformers.js calls our storage types, and the end of the names of their files. */
const TYPES: Readonly<Record<Dtype, { readonly theirs: TheirDtype; readonly suffix: string }>> = {
  fp32: { theirs: 'fp32', suffix: '' },
  fp16: { theirs: 'fp16', suffix: '_fp16' },
  int8: { theirs: 'q8', suffix: '_quantized' },
  q4: { theirs: 'q4', suffix: '_q4' },
  q4f16: { theirs: 'q4f16', suffix: '_q4f16' },
};

const DTYPES = Object.keys(TYPES) as Dtype[];

/** Every vision-language model of the library has these graphs; a folder may hold others that it does not open. */
const GRAPHS = ['embed_tokens', 'vision_encoder', 'decoder_model_merged'] as const;

/** Which type of each graph to open. */
export type GraphTypes = Readonly<Record<string, TheirDtype>>;

/**
 * Which type of every graph to open.
 *
 * @param files - names in `onnx/`
 * @param wanted - default: the most exact one that there is of each graph
 * @throws {ModelFormatError} `MODEL_DTYPE` when a graph is not there in the type that is wanted, `MODEL_FILE_MISSING`
 */
export function chooseDtypes(files: readonly string[], wanted: Dtype | undefined): GraphTypes {
  const chosen = GRAPHS.map((graph): [string, TheirDtype] => {
    const held = DTYPES.filter((dtype) => files.includes(`${graph}${TYPES[dtype].suffix}.onnx`));
    const dtype = wanted === undefined ? held[0] : held.find((one) => one === wanted);
    if (dtype !== undefined) return [graph, TYPES[dtype].theirs];
    throw missing(graph, held, wanted);
  });
  return Object.fromEntries(chosen);
}

function missing(graph: string, held: readonly Dtype[], wanted: Dtype | undefined): ModelFormatError {
  if (held.length === 0) {
    return new ModelFormatError('MODEL_FILE_MISSING', `expected ${graph}.onnx in the folder onnx, in any type`, {
      hint: 'Fetch the missing files; models without these three graphs are of other kinds.',
    });
  }
  return new ModelFormatError('MODEL_DTYPE', `the model has ${graph} as ${held.join(', ')}, not as ${wanted}`, {
    hint: 'Choose a type that every graph has, or fetch the files that are missing.',
  });
}
