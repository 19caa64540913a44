import { InvalidPromptError } from '../errors.js';
import { contentParts, pythonStripEnd, pythonStripStart } from './messages.js';
import type { Message } from './messages.js';
import { writePlaceholder } from './placeholder.js';
import type { PlaceholderStyle, SliceGrid } from './placeholder.js';
import { PromptWriter } from './prompt-writer.js';
import type { Prompt, PromptTokenizer } from './prompt-writer.js';

type Segment = { readonly type: 'text'; text: string } | { readonly type: 'image' };

/**
 * Renders a conversation in the chat template of Llama 3, with a placeholder for every image.
 *
 * Parts of a message are joined by newlines and the whole is stripped, as the template does with its content. The
 * header of the assistant always follows.
 *
 * @param grids - the grid of each image of the conversation, in order
 * @throws {InvalidPromptError} `PROMPT_IMAGE_COUNT` when the grids are not as many as the image parts
 * @source Meta-Llama-3-8B-Instruct, `tokenizer_config.json` `chat_template`; MiniCPM-V, `modeling_minicpmv.py` `chat`
 */
export function buildPrompt(
  messages: readonly Message[],
  grids: readonly SliceGrid[],
  { tokenizer, style }: { readonly tokenizer: PromptTokenizer; readonly style: PlaceholderStyle },
): Prompt {
  const writer = new PromptWriter(tokenizer).control('<|begin_of_text|>');
  let imageIndex = 0;
  for (const message of messages) {
    const segments = contentSegments(message);
    // An empty system prompt is no system prompt, as in the published `chat`.
    if (message.role === 'system' && segments.length === 0) continue;
    writeHeader(writer, message.role);
    for (const segment of segments) {
      if (segment.type === 'text') {
        writer.text(segment.text);
        continue;
      }
      const grid = grids[imageIndex];
      if (grid !== undefined) writePlaceholder(writer, { grid, index: imageIndex }, style);
      imageIndex++;
    }
    writer.control('<|eot_id|>');
  }
  if (imageIndex !== grids.length) {
    throw new InvalidPromptError('PROMPT_IMAGE_COUNT', `${imageIndex} image parts for ${grids.length} images`);
  }
  writeHeader(writer, 'assistant');
  return writer.finish();
}

function writeHeader(writer: PromptWriter, role: string): void {
  writer.control('<|start_header_id|>').text(role).control('<|end_header_id|>').text('\n\n');
}

/** Parts joined by newlines, neighbouring texts merged, the outer ends stripped. */
function contentSegments(message: Message): readonly Segment[] {
  const segments: Segment[] = [];
  const addText = (text: string): void => {
    const last = segments.at(-1);
    if (last?.type === 'text') last.text += text;
    else segments.push({ type: 'text', text });
  };
  for (const [index, part] of contentParts(message).entries()) {
    if (index > 0) addText('\n');
    if (part.type === 'text') addText(part.text);
    else segments.push({ type: 'image' });
  }
  const first = segments[0];
  if (first?.type === 'text') first.text = pythonStripStart(first.text);
  const last = segments.at(-1);
  if (last?.type === 'text') last.text = pythonStripEnd(last.text);
  return segments.filter((segment) => segment.type === 'image' || segment.text !== '');
}
