import { useEffect, useRef } from 'react';
import { useWords } from '../language/words.js';
import type { Conversation } from './use-conversation.js';
import { Composer } from './composer.js';
import { statusText, TurnView } from './turn-view.js';

interface ConversationViewProps {
  readonly conversation: Conversation;
  readonly suggestions: readonly string[];
  readonly hasPicture: boolean;
  readonly onAsk: (question: string) => void;
}

/** Questions and answers, newest last, with the field for the next question below. */
export function ConversationView({
  conversation,
  suggestions,
  hasPicture,
  onAsk,
}: ConversationViewProps): React.JSX.Element {
  const words = useWords();
  const { turns, running } = conversation;
  const transcript = useRef<HTMLDivElement>(null);
  const newest = turns.at(-1);
  useEffect(() => {
    const element = transcript.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  }, [newest]);

  return (
    <section className="conversation" aria-label={words.conversation}>
      {/* Scrolls, so it takes the focus: the keyboard must reach what is above. */}
      <div className="transcript" ref={transcript} tabIndex={0}>
        {turns.length === 0 ? (
          <div className="welcome">
            <h2>{words.emptyTitle}</h2>
            <p>{words.emptyText}</p>
          </div>
        ) : (
          <>
            <h2 className="visually-hidden">{words.conversation}</h2>
            <ol>
              {turns.map((turn) => (
                <TurnView key={turn.id} turn={turn} />
              ))}
            </ol>
          </>
        )}
      </div>
      {/* A screen reader hears each phase once, and the answer when it is complete, not every token. */}
      <div className="visually-hidden" role="status">
        {newest === undefined
          ? ''
          : (statusText(newest, words) ?? (newest.state.type === 'done' ? newest.answer : words.writing))}
      </div>
      <Composer
        suggestions={suggestions}
        hasPicture={hasPicture}
        isRunning={running !== undefined}
        onAsk={onAsk}
        onStop={conversation.stop}
      />
    </section>
  );
}
