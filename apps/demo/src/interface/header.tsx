import type { ModelStatus } from '../inference/use-model.js';
import { useWords } from '../language/words.js';
import type { OfflineState } from '../offline/register-service-worker.js';
import { useInstall } from '../offline/use-install.js';
import { Icon } from './icon.js';

interface HeaderProps {
  readonly status: ModelStatus;
  readonly offline: OfflineState;
  readonly hasConversation: boolean;
  readonly onNew: () => void;
  readonly onSettings: () => void;
}

export function Header({ status, offline, hasConversation, onNew, onSettings }: HeaderProps): React.JSX.Element {
  const words = useWords();
  const install = useInstall();
  return (
    <header className="masthead">
      <img className="mark" src="./icons/icon.svg" alt="" />
      <h1>Pocketlens</h1>
      <p className="tagline">{words.tagline}</p>
      <p className={`chip ${offline}`}>
        <span className="offline">{words.offline[offline]}</span>
        <ModelLine status={status} />
      </p>
      {install === undefined ? null : (
        <button type="button" className="quiet" onClick={install}>
          {words.install}
        </button>
      )}
      {hasConversation ? (
        <button
          type="button"
          className="quiet icon-only"
          aria-label={words.newConversation}
          title={words.newConversation}
          onClick={onNew}
        >
          <Icon name="fresh" />
        </button>
      ) : null}
      <button
        type="button"
        className="quiet icon-only"
        aria-label={words.settings}
        title={words.settings}
        onClick={onSettings}
      >
        <Icon name="settings" />
      </button>
    </header>
  );
}

function ModelLine({ status }: { readonly status: ModelStatus }): React.JSX.Element | null {
  const words = useWords();
  switch (status.type) {
    case 'loading': {
      const percent = status.total === 0 ? undefined : Math.floor((100 * status.loaded) / status.total);
      return <span className="opening">{percent === undefined ? words.opening : words.loading(percent)}</span>;
    }
    case 'ready': {
      const { name, device, threads } = status.info;
      return <span className="model">{`${name} · ${device}${threads > 1 ? ` × ${threads}` : ''}`}</span>;
    }
    case 'failed':
      return <span>{words.failed}</span>;
  }
}
