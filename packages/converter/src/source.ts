import { basename, dirname, join, resolve } from 'node:path';
import { parseConfig, type CheckpointConfig } from './config.js';
import { ggufCheckpoint } from './gguf/gguf-checkpoint.js';
import { ggufConfig } from './gguf/gguf-config.js';
import { ggufTokenizer } from './gguf/gguf-tokenizer.js';
import { isGgufSource, openGgufPair } from './gguf/open-pair.js';
import type { JsonObject } from './json.js';
import { openAdapter } from './lora/adapter.js';
import { mergeAdapter } from './lora/merge.js';
import { sideFiles } from './output/side-files.js';
import { readConfig, readConfigFile } from './read-config.js';
import { Checkpoint } from './safetensors/checkpoint.js';

/** What a conversion reads: tensors by the checkpoint's names, and the settings. */
export interface ConversionSource {
  readonly kind: 'checkpoint' | 'gguf';
  readonly checkpoint: Checkpoint;
  readonly config: CheckpointConfig;
  /** Directory of the tokenizer, the other settings and the licence. */
  readonly directory: string;
  /** Paths of the files with weights. */
  readonly weightFiles: readonly string[];
  /** Paths of every other file with settings or weights that was opened. */
  readonly otherFiles: readonly string[];
  /** JSON files of the model directory that were made from metadata. */
  readonly made: readonly { readonly path: string; readonly value: JsonObject }[];
  /** Name of the adapter that is merged. */
  readonly adapter?: string;
}

/** Where a source lies. */
export interface SourceOptions {
  readonly source: string;
  readonly mmproj?: string;
  readonly lora?: string;
}

/** Opens a source, with an adapter merged into it where one is named, and checks the headers; no tensor is read. */
export async function openSource({ source, mmproj, lora }: SourceOptions): Promise<ConversionSource> {
  const base = (await isGgufSource(source)) ? await openGguf(source, mmproj) : await openCheckpoint(source);
  if (lora === undefined) return base;
  try {
    const adapter = await openAdapter(lora, base.checkpoint);
    return {
      ...base,
      checkpoint: mergeAdapter(base.checkpoint, adapter),
      otherFiles: [...base.otherFiles, ...adapter.files],
      adapter: basename(resolve(lora)),
    };
  } catch (error) {
    await base.checkpoint.close();
    throw error;
  }
}

async function openCheckpoint(source: string): Promise<ConversionSource> {
  const config = await readConfig(source);
  const checkpoint = await Checkpoint.open(source);
  return {
    kind: 'checkpoint',
    checkpoint,
    config,
    directory: source,
    weightFiles: checkpoint.shards.map((shard) => join(source, shard)),
    otherFiles: [join(source, 'config.json')],
    made: [],
  };
}

/** What stands in a `config.json` beside the files goes before their metadata, a tokenizer file before theirs. */
async function openGguf(source: string, mmproj?: string): Promise<ConversionSource> {
  const pair = await openGgufPair(source, mmproj);
  try {
    const directory = dirname(pair.language.path);
    const file = await readConfigFile(directory);
    const config = parseConfig({ ...ggufConfig(pair), ...file }, basename(pair.language.path, '.gguf'));
    const names = (await sideFiles(directory)).map((path) => basename(path));
    const hasTokenizer = names.includes('tokenizer.json') || names.includes('tokenizer.model');
    const tokenizer = hasTokenizer ? undefined : ggufTokenizer(pair.language);
    return {
      kind: 'gguf',
      checkpoint: ggufCheckpoint(pair),
      config,
      directory,
      weightFiles: [pair.language.path, pair.projector.path],
      otherFiles: file === undefined ? [] : [join(directory, 'config.json')],
      made: tokenizer === undefined ? [] : [{ path: 'tokenizer.json', value: tokenizer }],
    };
  } catch (error) {
    await pair.language.close();
    await pair.projector.close();
    throw error;
  }
}
