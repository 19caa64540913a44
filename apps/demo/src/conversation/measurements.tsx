import { useState } from 'react';
import type { AskFinish } from '../inference/protocol.js';
import { useWords } from '../language/words.js';

/** How fast an answer was, in a line, and on request what it took. */
export function Measurements({ finish }: { readonly finish: AskFinish }): React.JSX.Element {
  const words = useWords();
  const { timings, usage, tokenIds, warnings } = finish;
  const facts: readonly (readonly [string, string])[] = [
    [words.promptTokens, words.tokens(String(usage.promptTokens))],
    [words.imageTokens, String(usage.imageTokens)],
    [words.reusedTokens, String(usage.reusedTokens ?? 0)],
    ...(usage.draftedTokens === undefined
      ? []
      : [[words.draftedTokens, `${usage.draftedTokens}, ${usage.acceptedTokens ?? 0}`] as const]),
  ];
  return (
    <details className="measurements">
      <summary>
        <span className="visually-hidden">{words.details}: </span>
        <span>
          {formatMs(timings.firstTokenMs)} {words.firstToken}
        </span>
        {timings.tokensPerSecond > 0 ? (
          <span>
            {formatRate(timings.tokensPerSecond)} {words.perSecond}
          </span>
        ) : null}
        <span>{words.tokens(String(usage.completionTokens))}</span>
      </summary>
      <Phases finish={finish} />
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {warnings.map(({ code, message }) => (
        <p key={code} lang="en">
          {message}
        </p>
      ))}
      <TokenIds ids={tokenIds} />
    </details>
  );
}

function Phases({ finish: { timings } }: { readonly finish: AskFinish }): React.JSX.Element {
  const words = useWords();
  const phases = [
    { name: words.phaseDecode, key: 'decode', ms: timings.preprocessMs },
    { name: words.phaseEncode, key: 'encode', ms: timings.encodeMs },
    { name: words.phasePrefill, key: 'prefill', ms: timings.prefillMs },
    { name: words.phaseWrite, key: 'write', ms: timings.decodeMs },
  ] as const;
  return (
    <>
      <div className="bar" aria-hidden="true">
        {phases.map(({ key, ms }) => (
          <span key={key} className={key} style={{ flexGrow: Math.max(ms, 1) }} />
        ))}
      </div>
      <dl className="phases">
        {phases.map(({ name, key, ms }) => (
          <div key={key} className={key}>
            <dt>{name}</dt>
            <dd>{formatMs(ms)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function TokenIds({ ids }: { readonly ids: readonly number[] }): React.JSX.Element {
  const words = useWords();
  const [isCopied, setIsCopied] = useState(false);
  const text = ids.join(' ');
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
  };
  return (
    <div className="token-ids">
      <h4>{words.tokenIds}</h4>
      <button type="button" className="quiet small" onClick={() => void copy()}>
        {isCopied ? words.copied : words.copy}
      </button>
      <code>{text}</code>
    </div>
  );
}

function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

function formatRate(rate: number): string {
  return rate.toFixed(rate < 10 ? 1 : 0);
}
