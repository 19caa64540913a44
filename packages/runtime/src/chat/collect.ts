import { BackendError } from '@pocketlens/backend';
import { pythonStrip } from '../prompt/messages.js';
import type { ChatPart, ChatResult, FinishPart } from './types.js';

/** Reads a streamed answer to its end. */
export async function collectChat(parts: AsyncIterable<ChatPart>): Promise<ChatResult> {
  let text = '';
  const tokenIds: number[] = [];
  let finish: FinishPart | undefined;
  for await (const part of parts) {
    if (part.type === 'finish') finish = part;
    else {
      text += part.text;
      tokenIds.push(...part.tokenIds);
    }
  }
  if (finish === undefined) throw new BackendError('BACKEND_FAILED', 'the answer ended without a finish part');
  const { finishReason, usage, timings, warnings } = finish;
  return { text: pythonStrip(text), tokenIds, finishReason, usage, timings, warnings };
}
