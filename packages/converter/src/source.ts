import { basename, join, resolve } from 'node:path';
import type { CheckpointConfig } from './config.js';
import { openAdapter } from './lora/adapter.js';
import { mergeAdapter } from './lora/merge.js';
import { readConfig } from './read-config.js';
import { Checkpoint } from './safetensors/checkpoint.js';

/** What a conversion reads: tensors by the checkpoint's names, and the settings. */
export interface ConversionSource {
  readonly checkpoint: Checkpoint;
  readonly config: CheckpointConfig;
  /** Directory of the tokenizer, the other settings and the licence. */
  readonly directory: string;
  /** Every file with settings or weights that was opened, as paths. */
  readonly files: readonly string[];
  /** Name of the adapter that is merged. */
  readonly adapter?: string;
}

/** Opens a source, with an adapter merged into it where one is named, and checks the headers; no tensor is read. */
export async function openSource(source: string, lora?: string): Promise<ConversionSource> {
  const base = await openCheckpoint(source);
  if (lora === undefined) return base;
  try {
    const adapter = await openAdapter(lora, base.checkpoint);
    return {
      ...base,
      checkpoint: mergeAdapter(base.checkpoint, adapter),
      files: [...base.files, ...adapter.files],
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
  const files = [join(source, 'config.json'), ...checkpoint.shards.map((shard) => join(source, shard))];
  return { checkpoint, config, directory: source, files };
}
