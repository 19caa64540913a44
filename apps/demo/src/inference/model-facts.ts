import type { Dtype, ModelSource } from '@pocketlens/backend';
import { parsePreprocessorConfig, sliceOptionsOf } from '@pocketlens/preprocessing';
import type { SliceOptions } from '@pocketlens/preprocessing';

type Json = Readonly<Record<string, unknown>>;

/** Largest settings file that is read. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** How the model cuts pictures, so that the page can draw it before a question is asked. */
export async function readSliceOptions(source: ModelSource): Promise<SliceOptions> {
  const config = (await readJson(source, 'config.json')) ?? {};
  const slicing = isJson(config['slice_config']) ? config['slice_config'] : {};
  const { query_num: queries, slice_mode: sliceMode } = config;
  const general = { ...slicing, image_feature_size: queries, slice_mode: sliceMode };
  const preprocessor = (await readJson(source, 'preprocessor_config.json')) ?? {};
  return sliceOptionsOf(parsePreprocessorConfig({ ...general, ...preprocessor }));
}

/** Dtypes for which the model holds a decoder, as its manifest says. */
export async function readDtypes(source: ModelSource): Promise<readonly Dtype[]> {
  const manifest = await readJson(source, 'pocketlens.json');
  const parts: unknown[] = Array.isArray(manifest?.['parts']) ? manifest['parts'] : [];
  // The backend, which has checked the manifest by now, knows no other dtypes.
  return parts.flatMap((part) => (isJson(part) && part['part'] === 'decoder' ? [part['dtype'] as Dtype] : []));
}

async function readJson(source: ModelSource, path: string): Promise<Json | undefined> {
  const file = await source.open(path).catch(() => undefined);
  if (file === undefined || file.size > MAX_JSON_BYTES) return undefined;
  const value: unknown = JSON.parse(new TextDecoder().decode(await file.read(0, file.size)));
  await file.close();
  return isJson(value) ? value : undefined;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
