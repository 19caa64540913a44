import { useState } from 'react';
import { Icon } from '../interface/icon.js';
import { useWords } from '../language/words.js';

interface ComposerProps {
  readonly suggestions: readonly string[];
  readonly hasPicture: boolean;
  readonly isRunning: boolean;
  readonly onAsk: (question: string) => void;
  readonly onStop: () => void;
}

/** The field for a question. Enter asks, Shift and Enter begin a new line. */
export function Composer({ suggestions, hasPicture, isRunning, onAsk, onStop }: ComposerProps): React.JSX.Element {
  const words = useWords();
  const [question, setQuestion] = useState('');
  const canAsk = question.trim() !== '' && !isRunning;

  const ask = (): void => {
    if (!canAsk) return;
    onAsk(question.trim());
    setQuestion('');
  };

  return (
    <div className="composer">
      {hasPicture && !isRunning ? (
        <ul className="suggestions" aria-label={words.suggestions}>
          {suggestions.map((suggestion) => (
            <li key={suggestion}>
              <button type="button" lang="en" onClick={() => onAsk(suggestion)}>
                {suggestion}
              </button>
            </li>
          ))}
        </ul>
      ) : null}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <textarea
          id="question"
          rows={1}
          aria-label={words.question}
          placeholder={words.questionPlaceholder}
          value={question}
          onChange={({ currentTarget }) => setQuestion(currentTarget.value)}
          onKeyDown={(event) => {
            // An input method uses Enter to choose a character.
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            ask();
          }}
        />
        {isRunning ? (
          <button type="button" className="primary round" aria-label={words.stop} onClick={onStop}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" className="primary round" aria-label={words.ask} disabled={!canAsk}>
            <Icon name="send" />
          </button>
        )}
      </form>
    </div>
  );
}
