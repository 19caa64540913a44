import { useRef } from 'react';
import type { Dtype } from '@pocketlens/backend';
import type { Capabilities, ModelChoice } from '../inference/protocol.js';
import type { ModelStatus } from '../inference/use-model.js';
import { Dialog } from '../interface/dialog.js';
import { ErrorText } from '../interface/error-text.js';
import { LANGUAGES, useWords } from '../language/words.js';
import type { Language } from '../language/words.js';
import { NumberField, Select, Switch } from './fields.js';
import { RANGES } from './settings.js';
import type { Settings } from './settings.js';

interface SettingsDialogProps {
  readonly settings: Settings;
  readonly choice: ModelChoice;
  readonly status: ModelStatus;
  readonly capabilities: Capabilities | undefined;
  readonly onChange: (change: Partial<Settings>) => void;
  readonly onFolder: (choice: ModelChoice) => void;
  readonly onEmbedded: () => void;
  readonly onClose: () => void;
}

/** Everything that can be set; every change takes effect at once. */
export function SettingsDialog(props: SettingsDialogProps): React.JSX.Element {
  const words = useWords();
  return (
    <Dialog title={words.settings} onClose={props.onClose}>
      <div className="settings">
        <ModelSettings {...props} />
        <EngineSettings {...props} />
        <AnswerSettings {...props} />
        <PageSettings {...props} />
      </div>
    </Dialog>
  );
}

function ModelSettings({ choice, status, onFolder, onEmbedded }: SettingsDialogProps): React.JSX.Element {
  const words = useWords();
  const folder = useRef<HTMLInputElement>(null);
  const pick = ({ currentTarget }: React.ChangeEvent<HTMLInputElement>): void => {
    const files = [...(currentTarget.files ?? [])].map((file) => ({ path: file.webkitRelativePath, file }));
    const name = files[0]?.path.split('/')[0];
    if (name !== undefined) onFolder({ kind: 'folder', name, files });
    currentTarget.value = '';
  };
  return (
    <fieldset>
      <legend>{words.model}</legend>
      <p className="model-name">
        {choice.kind === 'embedded' ? words.embedded : choice.name}
        {status.type === 'ready' ? ` · ${status.info.name} · ${status.info.dtype}` : ''}
      </p>
      {status.type === 'failed' ? <ErrorText error={status.error} /> : null}
      <div className="row">
        <button type="button" onClick={() => folder.current?.click()}>
          {words.chooseFolder}
        </button>
        {choice.kind === 'folder' ? (
          <button type="button" className="quiet" onClick={onEmbedded}>
            {words.useEmbedded}
          </button>
        ) : null}
      </div>
      <input ref={folder} type="file" webkitdirectory="" hidden onChange={pick} />
      <p className="hint">{words.folderHint}</p>
    </fieldset>
  );
}

function EngineSettings({ settings, status, capabilities, onChange }: SettingsDialogProps): React.JSX.Element {
  const words = useWords();
  const devices = capabilities?.devices ?? ['wasm'];
  const maxThreads = capabilities?.maxThreads ?? 1;
  const dtypes: readonly Dtype[] = status.type === 'ready' ? status.info.dtypes : [];
  const counts = Array.from({ length: Math.min(maxThreads, 16) }, (_, index) => String(index + 1));
  return (
    <fieldset>
      <legend>{words.engine}</legend>
      <Select
        label={words.backend}
        hint={devices.includes('webgpu') ? undefined : words.noWebGpu}
        value={devices.includes(settings.device) ? settings.device : 'wasm'}
        options={devices.map((device) => [device, words[device]])}
        onChange={(device) => onChange({ device })}
      />
      <Select
        label={words.dtype}
        value={settings.dtype}
        options={[['auto', words.automatic], ...dtypes.map((dtype): [Dtype, string] => [dtype, dtype])]}
        onChange={(dtype) => onChange({ dtype })}
      />
      {maxThreads > 1 ? (
        <Select
          label={words.threads}
          value={String(settings.threads)}
          options={[['0', words.automatic], ...counts.map((count): [string, string] => [count, count])]}
          onChange={(threads) => onChange({ threads: Number(threads) })}
        />
      ) : (
        <p className="hint">{words.oneThread}</p>
      )}
    </fieldset>
  );
}

function AnswerSettings({ settings, choice, onChange }: SettingsDialogProps): React.JSX.Element {
  const words = useWords();
  const { sampling, remember } = settings;
  return (
    <fieldset>
      <legend>{words.answers}</legend>
      <Select
        label={words.sampling}
        value={sampling ? 'sampled' : 'greedy'}
        options={[
          ['greedy', words.greedy],
          ['sampled', words.sampled],
        ]}
        onChange={(value) => onChange({ sampling: value === 'sampled' })}
      />
      {sampling ? <SamplingFields settings={settings} onChange={onChange} /> : null}
      <NumberField
        label={words.maxNewTokens}
        value={settings.maxNewTokens}
        range={RANGES.maxNewTokens}
        onChange={(value) => value !== null && onChange({ maxNewTokens: value })}
      />
      <Switch
        label={words.remember}
        hint={words.rememberHint}
        checked={remember === 'auto' ? choice.kind === 'folder' : remember}
        onChange={(checked) => onChange({ remember: checked })}
      />
    </fieldset>
  );
}

function SamplingFields({ settings, onChange }: Pick<SettingsDialogProps, 'settings' | 'onChange'>): React.JSX.Element {
  const words = useWords();
  return (
    <div className="row">
      {(['temperature', 'topP', 'topK'] as const).map((name) => (
        <NumberField
          key={name}
          label={words[name]}
          value={settings[name]}
          range={RANGES[name]}
          onChange={(value) => value !== null && onChange({ [name]: value })}
        />
      ))}
      <NumberField
        label={words.seed}
        hint={words.seedHint}
        value={settings.seed}
        range={RANGES.seed}
        onChange={(seed) => onChange({ seed })}
      />
    </div>
  );
}

function PageSettings({ settings, onChange }: SettingsDialogProps): React.JSX.Element {
  const words = useWords();
  const languages = Object.entries(LANGUAGES) as [Language, (typeof LANGUAGES)[Language]][];
  return (
    <fieldset>
      <legend>{words.page}</legend>
      <Select
        label={words.language}
        value={settings.language}
        options={languages.map(([key, { name }]) => [key, name])}
        onChange={(language) => onChange({ language })}
      />
      <Select
        label={words.theme}
        value={settings.theme}
        options={(['system', 'light', 'dark'] as const).map((theme) => [theme, words.themes[theme]])}
        onChange={(theme) => onChange({ theme })}
      />
    </fieldset>
  );
}
