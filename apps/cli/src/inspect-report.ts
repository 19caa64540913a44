import type { Inspection, MemoryNeed } from '@pocketlens/converter';
import { formatBytes, formatTable } from './format.js';

/** What a model needs in memory against what this machine has. */
export interface MemoryReport {
  readonly contextLength: number;
  readonly memoryBytes: number;
  readonly availableBytes: number;
  readonly needs: readonly (MemoryNeed & { readonly fits: boolean })[];
}

/** Whether each storage type fits into the memory that is free now. */
export function reportMemory(
  needs: readonly MemoryNeed[],
  { contextLength, memoryBytes, availableBytes }: Omit<MemoryReport, 'needs'>,
): MemoryReport {
  const fits = ({ totalBytes }: MemoryNeed): boolean => totalBytes <= availableBytes;
  return { contextLength, memoryBytes, availableBytes, needs: needs.map((need) => ({ ...need, fits: fits(need) })) };
}

/** Numbers of a model: '8.5 billion', '1.2 million', '512'. */
export function formatCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} million` : String(count);
}

/** Rows of facts about a model, as far as they are known. */
export function modelFacts({ model, parameters, bytes }: Inspection): string[][] {
  const { name, version, layers, hiddenSize, kvHeads, vocabSize, queries, patchSize, maxPositions } = model;
  const facts = [['model', typeof version === 'string' ? `${String(name)} (MiniCPM-V ${version})` : String(name)]];
  if (typeof layers === 'number') {
    facts.push(
      [
        'language',
        `${layers} layers, width ${String(hiddenSize)}, ${String(kvHeads)} key-value heads, vocabulary ${String(vocabSize)}`,
      ],
      ['vision', `${String(queries)} embeddings a slice, patches of ${String(patchSize)} pixels`],
      ['context', `${String(maxPositions)} positions`],
    );
  }
  facts.push(['weights', `${formatCount(parameters)} numbers, ${formatBytes(bytes)}`]);
  return facts;
}

/** Rows of parts: name, types, numbers, size. */
export function partRows({ parts }: Inspection): string[][] {
  return parts.map(({ part, dtype, parameters, bytes }) => [
    part,
    dtype,
    `${formatCount(parameters)} numbers`,
    formatBytes(bytes),
  ]);
}

/** The table of memory needs, with its heading; empty when nothing is known. */
export function memoryText({ contextLength, memoryBytes, availableBytes, needs }: MemoryReport): string {
  if (needs.length === 0) return '';
  const rows = needs.map(({ dtype, isStored, weightBytes, cacheBytes, totalBytes, fits }) => [
    dtype,
    formatBytes(totalBytes),
    fits ? 'fits' : totalBytes <= memoryBytes ? 'fits when memory is freed' : 'too large',
    `weights ${formatBytes(weightBytes)}, cache ${formatBytes(cacheBytes)}`,
    isStored ? 'stored here' : '',
  ]);
  const heading = `memory to answer with ${contextLength} positions; ${formatBytes(availableBytes)} of ${formatBytes(memoryBytes)} are free`;
  return `\n${heading}\n${formatTable(rows)}\n`;
}
