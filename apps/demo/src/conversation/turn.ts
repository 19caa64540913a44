import type { AskFinish, AskProgress, WireMessage } from '../inference/protocol.js';
import { sliceCount } from '../pictures/picture.js';
import type { Picture } from '../pictures/picture.js';

export type TurnState =
  | { readonly type: 'looking' }
  | { readonly type: 'encoding'; readonly done: number; readonly total: number }
  | { readonly type: 'reading' }
  | { readonly type: 'writing' }
  | { readonly type: 'done'; readonly finish: AskFinish }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: Error };

/** A question and what came of it. */
export interface Turn {
  readonly id: string;
  readonly question: string;
  /** Pictures of this question's message. */
  readonly pictures: readonly Picture[];
  /** Pictures of the whole request, earlier turns included, in the order in which they are encoded. */
  readonly encoded: readonly Picture[];
  readonly answer: string;
  readonly state: TurnState;
}

export function isRunning({ state }: Turn): boolean {
  return state.type === 'looking' || state.type === 'encoding' || state.type === 'reading' || state.type === 'writing';
}

/** The request for a question: alone with all pictures, or after the turns that were answered. */
export function composeQuestion(
  question: string,
  {
    turns,
    pictures,
    remember,
  }: { readonly turns: readonly Turn[]; readonly pictures: readonly Picture[]; readonly remember: boolean },
): { readonly messages: readonly WireMessage[]; readonly turn: Turn } {
  const earlier = remember ? turns.filter(({ state }) => state.type === 'done') : [];
  const sent = new Set(earlier.flatMap((turn) => turn.pictures.map(({ id }) => id)));
  const fresh = pictures.filter(({ id }) => !sent.has(id));
  const messages = [
    ...earlier.flatMap((turn): WireMessage[] => [
      toMessage('user', turn.question, turn.pictures),
      toMessage('assistant', turn.answer.trim(), []),
    ]),
    toMessage('user', question, fresh),
  ];
  const turn: Turn = {
    id: crypto.randomUUID(),
    question,
    pictures: fresh,
    encoded: [...earlier.flatMap((turn) => turn.pictures), ...fresh],
    answer: '',
    state: { type: 'looking' },
  };
  return { messages, turn };
}

function toMessage(role: WireMessage['role'], text: string, pictures: readonly Picture[]): WireMessage {
  return { role, text, images: pictures.map(({ blob }) => blob) };
}

export function progressState({ phase, done, total }: AskProgress): TurnState {
  return phase === 'encode' && done < total ? { type: 'encoding', done, total } : { type: 'reading' };
}

/** How many slices of a picture a running turn has encoded; undefined where it does not encode any. */
export function encodedSlices(turn: Turn | undefined, picture: Picture): number | undefined {
  const place = turn?.encoded.findIndex(({ id }) => id === picture.id) ?? -1;
  if (turn === undefined || place < 0) return undefined;
  if (turn.state.type === 'looking') return 0;
  if (turn.state.type !== 'encoding') return undefined;
  const before = turn.encoded.slice(0, place);
  const offset = before.reduce((sum, each) => sum + sliceCount(each), 0);
  return Math.min(Math.max(turn.state.done - offset, 0), sliceCount(picture));
}
