import { useEffect, useState } from 'react';
import { ConversationView } from './conversation/conversation-view.js';
import { EMBEDDED, useDesk } from './desk.js';
import { ErrorText } from './interface/error-text.js';
import { Header } from './interface/header.js';
import { LanguageContext, LANGUAGES } from './language/words.js';
import { registerServiceWorker } from './offline/register-service-worker.js';
import type { OfflineState } from './offline/register-service-worker.js';
import { Stage } from './pictures/stage.js';
import { useDropAndPaste } from './pictures/use-drop-and-paste.js';
import { SettingsDialog } from './settings/settings-dialog.js';
import { useSettings } from './settings/use-settings.js';

/** The page: a light table with pictures, and a conversation about them. */
export function App(): React.JSX.Element {
  const [settings, changeSettings] = useSettings();
  const [offline, setOffline] = useState<OfflineState>('saving');
  const [isSettingsOpen, setIsSettingsOpen] = useState(false);
  const desk = useDesk(settings, changeSettings);
  const { model, table, conversation, problem } = desk;
  const { words } = LANGUAGES[settings.language];
  const isHovering = useDropAndPaste(desk.addPictures);
  useEffect(() => registerServiceWorker(setOffline), []);

  return (
    <LanguageContext value={settings.language}>
      <a className="skip" href="#question">
        {words.skipToQuestion}
      </a>
      <Header
        status={model.status}
        offline={offline}
        hasConversation={table.pictures.length > 0 || conversation.turns.length > 0}
        onNew={desk.begin}
        onSettings={() => setIsSettingsOpen(true)}
      />
      <main>
        <Stage
          table={table}
          running={conversation.running}
          onAdd={desk.addPictures}
          onExample={desk.openExample}
          canRemove={desk.canRemove}
        />
        <ConversationView
          conversation={conversation}
          suggestions={table.selected?.suggestions ?? []}
          hasPicture={table.pictures.length > 0}
          onAsk={desk.ask}
        />
        {problem === undefined ? null : (
          <div className="problem">
            <ErrorText error={problem} />
            <button type="button" className="quiet" onClick={desk.forgetProblem}>
              {words.dismiss}
            </button>
          </div>
        )}
      </main>
      {isHovering ? <div className="drop-veil">{words.dropHere}</div> : null}
      {isSettingsOpen ? (
        <SettingsDialog
          settings={settings}
          choice={desk.choice}
          status={model.status}
          capabilities={model.capabilities}
          onChange={changeSettings}
          onFolder={desk.chooseModel}
          onEmbedded={() => desk.chooseModel(EMBEDDED)}
          onClose={() => setIsSettingsOpen(false)}
        />
      ) : null}
    </LanguageContext>
  );
}
