import { InvalidArgumentError, ModelFormatError } from '@pocketlens/backend';
import type { Dtype, LoadModelOptions } from '@pocketlens/backend';
import type { Manifest, ModelPart, PartName } from './manifest.js';

/** Exact weights first. */
const DTYPE_PREFERENCE: readonly Dtype[] = ['fp32', 'fp16', 'int8', 'q4', 'q4f16'];

/** The files of a model that are opened. */
export interface ChosenParts {
  readonly dtype: Dtype;
  readonly vision: ModelPart;
  readonly embeddings: ModelPart;
  readonly decoder: ModelPart;
  /** The decoder of long appends, where it is another one. */
  readonly prefillDecoder?: ModelPart;
}

/**
 * Chooses the parts of a model by the types that are asked for.
 *
 * @throws {ModelFormatError} `MODEL_DTYPE` for a type in which the model has no decoder, `MODEL_MANIFEST` for a lacking part
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when both types are the same
 */
export function chooseParts(
  manifest: Manifest,
  { dtype: wanted, prefillDtype }: Pick<LoadModelOptions, 'dtype' | 'prefillDtype'>,
): ChosenParts {
  const dtype = chooseDtype(manifest, wanted);
  return {
    dtype,
    vision: choosePart(manifest, 'vision_encoder', dtype),
    embeddings: choosePart(manifest, 'embed_tokens', dtype),
    decoder: choosePart(manifest, 'decoder', dtype),
    ...(prefillDtype === undefined ? {} : { prefillDecoder: choosePrefillDecoder(manifest, prefillDtype, dtype) }),
  };
}

function chooseDtype(manifest: Manifest, wanted: Dtype | undefined): Dtype {
  const held = decoders(manifest).map(({ dtype }) => dtype);
  const chosen = wanted ?? DTYPE_PREFERENCE.find((dtype) => held.includes(dtype));
  if (chosen === undefined || !held.includes(chosen)) {
    throw new ModelFormatError(
      'MODEL_DTYPE',
      `the model has no decoder in ${wanted ?? 'any type'}, only ${held.join(', ') || 'none'}`,
      {
        hint: 'Choose one of these, or convert the checkpoint with --dtype.',
        details: { wanted, held },
      },
    );
  }
  return chosen;
}

function choosePrefillDecoder(manifest: Manifest, wanted: Dtype, dtype: Dtype): ModelPart {
  const held = decoders(manifest).map((part) => part.dtype);
  if (wanted === dtype) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `prefillDtype must be another type than dtype, both are ${dtype}`,
      {
        hint: `Name the type of the single steps with dtype; the model holds ${held.join(', ')}.`,
        details: { dtype, held },
      },
    );
  }
  const found = decoders(manifest).find((part) => part.dtype === wanted);
  if (found !== undefined) return found;
  throw new ModelFormatError(
    'MODEL_DTYPE',
    `the model has no decoder in ${wanted}, which prefillDtype asks for, only ${held.join(', ')}`,
    {
      hint: `Convert the checkpoint to both: pocketlens convert CHECKPOINT MODEL --dtype ${dtype},${wanted}`,
      details: { wanted, held },
    },
  );
}

function decoders({ parts }: Manifest): readonly ModelPart[] {
  return parts.filter(({ part }) => part === 'decoder');
}

/** The part in the wanted type, or in the most exact one there is: a quantised decoder may keep an exact encoder. */
function choosePart(manifest: Manifest, name: PartName, dtype: Dtype): ModelPart {
  const candidates = manifest.parts.filter(({ part }) => part === name);
  for (const type of [dtype, ...DTYPE_PREFERENCE]) {
    const found = candidates.find((candidate) => candidate.dtype === type);
    if (found !== undefined) return found;
  }
  throw new ModelFormatError('MODEL_MANIFEST', `the manifest lists no ${name}`, {
    hint: 'Convert the checkpoint again.',
  });
}
