import { BackendError } from '@pocketlens/backend';
import { pythonStrip } from '../prompt/messages.js';
import type { ChatPart, ChatResult, ChatTokenLogprobs, FinishPart } from './types.js';

/** Reads a streamed answer to its end. */
export async function collectChat(parts: AsyncIterable<ChatPart>): Promise<ChatResult> {
  let text = '';
  const tokenIds: number[] = [];
  const logprobs: ChatTokenLogprobs[] = [];
  let hasLogprobs = false;
  let finish: FinishPart | undefined;
  for await (const part of parts) {
    if (part.type === 'finish') finish = part;
    else {
      text += part.text;
      tokenIds.push(...part.tokenIds);
      hasLogprobs ||= part.logprobs !== undefined;
      logprobs.push(...(part.logprobs ?? []));
    }
  }
  if (finish === undefined) throw new BackendError('BACKEND_FAILED', 'the answer ended without a finish part');
  const { finishReason, usage, timings, warnings } = finish;
  const answer = { text: pythonStrip(text), tokenIds, finishReason, usage, timings, warnings };
  return hasLogprobs ? { ...answer, logprobs } : answer;
}
