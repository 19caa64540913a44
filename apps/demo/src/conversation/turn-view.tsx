import { ErrorText } from '../interface/error-text.js';
import type { Words } from '../language/english.js';
import { useWords } from '../language/words.js';
import { Measurements } from './measurements.js';
import { isRunning } from './turn.js';
import type { Turn } from './turn.js';

/** One question with its answer, as far as it has come. */
export function TurnView({ turn }: { readonly turn: Turn }): React.JSX.Element {
  const words = useWords();
  const { state, question, answer, pictures } = turn;
  const text = answer.trim();
  const status = statusText(turn, words);
  return (
    <li className="turn">
      <h3>
        <span className="visually-hidden">{words.you}: </span>
        {question}
      </h3>
      {pictures.length > 1 ? (
        <p className="turn-pictures">
          {pictures.map(({ id, url, name }) => (
            <img key={id} src={url} alt={name} />
          ))}
        </p>
      ) : null}
      {text === '' ? null : (
        <p className={state.type === 'writing' ? 'answer writing' : 'answer'}>
          <span className="visually-hidden">{words.answer}: </span>
          {text}
        </p>
      )}
      {status === undefined ? null : <p className={isRunning(turn) ? 'status running' : 'status'}>{status}</p>}
      {state.type === 'failed' ? <ErrorText error={state.error} /> : null}
      {state.type === 'done' ? <Measurements finish={state.finish} /> : null}
    </li>
  );
}

/** What the page does at the moment, in words. */
export function statusText({ state, answer, pictures }: Turn, words: Words): string | undefined {
  switch (state.type) {
    case 'looking':
      return pictures.length > 0 ? words.looking : words.reading;
    case 'encoding':
      return words.encoding(state.done, state.total);
    case 'reading':
      return words.reading;
    case 'stopped':
      return words.stopped;
    case 'done':
      if (state.finish.finishReason === 'length') return words.cutAtLimit;
      return answer.trim() === '' ? words.noAnswer : undefined;
    case 'writing':
    case 'failed':
      return undefined;
  }
}
