import type { LanguageConfig } from '../config.js';
import { EMBEDDING_TENSOR } from '../graphs/decoder.js';
import { checkTensor } from '../graphs/weights.js';
import type { Checkpoint } from '../safetensors/checkpoint.js';
import { encodeSafetensorsHeader } from '../safetensors/writer.js';
import type { StoredDtype } from '../tensors/float.js';
import { streamTensor } from '../tensors/stream.js';
import type { OutputContext, WrittenFile } from './output.js';

/** Name of the one tensor in the embedding file. */
export const STORED_EMBEDDING = 'embed_tokens.weight';

/** Checks the embedding table; throws as `checkTensor` does. */
export function checkEmbedding(checkpoint: Checkpoint, language: LanguageConfig): void {
  checkTensor(checkpoint, EMBEDDING_TENSOR, [language.vocabSize, language.hiddenSize]);
}

/** Writes the embedding rows, float32 or float16 [vocabulary, hidden], so that a row can be read by its offset. */
export async function writeEmbedding(
  path: string,
  language: LanguageConfig,
  dtype: StoredDtype,
  context: OutputContext,
): Promise<WrittenFile> {
  const { vocabSize, hiddenSize } = language;
  const header = encodeSafetensorsHeader(
    [{ name: STORED_EMBEDDING, dtype: dtype === 'float32' ? 'F32' : 'F16', shape: [vocabSize, hiddenSize] }],
    { format: 'pt' },
  );
  const rowBytes = hiddenSize * (dtype === 'float32' ? 4 : 2);
  const file = await context.open(path, header.byteLength + vocabSize * rowBytes);
  try {
    if (file.size === 0) await file.write(header);
    const firstRow = (file.size - header.byteLength) / rowBytes;
    context.onResumed(path, firstRow * rowBytes);
    const runs = [{ tensor: EMBEDDING_TENSOR, firstRow, rowCount: vocabSize - firstRow }];
    const options = { checkpoint: context.checkpoint, dtype, signal: context.signal };
    for await (const bytes of streamTensor({ kind: 'rows', runs, columns: hiddenSize }, options)) {
      await file.write(bytes);
      context.onBytes(path, bytes.byteLength);
      // Blocks are whole rows.
      await file.checkpoint();
    }
    return await file.finish();
  } catch (error) {
    await file.abandon().catch(() => undefined);
    throw error;
  }
}
