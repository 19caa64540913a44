import { join } from 'node:path';
import type { CheckpointConfig } from './config.js';
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
}

/** Opens a source and checks its headers; no tensor is read. */
export async function openSource(source: string): Promise<ConversionSource> {
  const config = await readConfig(source);
  const checkpoint = await Checkpoint.open(source);
  const files = [join(source, 'config.json'), ...checkpoint.shards.map((shard) => join(source, shard))];
  return { checkpoint, config, directory: source, files };
}
