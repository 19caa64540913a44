import { useCallback, useRef, useState } from 'react';
import type { AskOptions } from '../inference/protocol.js';
import type { ModelHandle } from '../inference/use-model.js';
import type { Picture } from '../pictures/picture.js';
import { composeQuestion, isRunning, progressState } from './turn.js';
import type { Turn } from './turn.js';

export interface Conversation {
  readonly turns: readonly Turn[];
  readonly running: Turn | undefined;
  readonly ask: (question: string, context: QuestionContext) => Promise<void>;
  readonly stop: () => void;
  readonly clear: () => void;
}

export interface QuestionContext {
  readonly pictures: readonly Picture[];
  readonly remember: boolean;
  readonly options: AskOptions;
}

/** Questions and answers; one question at a time. */
export function useConversation({ whenReady }: ModelHandle): Conversation {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const controller = useRef<AbortController>(undefined);

  const ask = useCallback(
    async (question: string, { pictures, remember, options }: QuestionContext) => {
      const { messages, turn } = composeQuestion(question, { turns, pictures, remember });
      const change = (update: (turn: Turn) => Partial<Turn>): void =>
        setTurns((all) => all.map((each) => (each.id === turn.id ? { ...each, ...update(each) } : each)));
      setTurns((all) => [...all, turn]);
      const { signal } = (controller.current = new AbortController());
      try {
        const { client } = await whenReady();
        const finish = await client.ask(messages, options, {
          signal,
          onProgress: (progress) => change(() => ({ state: progressState(progress) })),
          onText: (text) => change(({ answer }) => ({ answer: answer + text, state: { type: 'writing' } })),
        });
        change(() => ({ state: { type: 'done', finish } }));
      } catch (error) {
        change(() => ({ state: signal.aborted ? { type: 'stopped' } : { type: 'failed', error: error as Error } }));
      }
    },
    [turns, whenReady],
  );

  const stop = useCallback(() => controller.current?.abort(), []);
  const clear = useCallback(() => {
    controller.current?.abort();
    setTurns([]);
  }, []);
  return { turns, running: turns.find(isRunning), ask, stop, clear };
}
