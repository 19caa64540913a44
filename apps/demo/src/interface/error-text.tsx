import { InferenceError } from '../inference/model-client.js';
import { useWords } from '../language/words.js';

/** An error in the reader's language where its code is known, and in the words of the package that found it. */
export function ErrorText({ error }: { readonly error: Error }): React.JSX.Element {
  const words = useWords();
  const { code, hint } = error instanceof InferenceError ? error : { code: error.name, hint: undefined };
  return (
    <div className="error" role="alert">
      <p>{words.errors[code] ?? words.failed}</p>
      <p lang="en">
        {error.message}
        {hint === undefined ? '' : `. ${hint}`}
      </p>
    </div>
  );
}
