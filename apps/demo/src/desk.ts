import { useCallback, useMemo, useState } from 'react';
import { useConversation } from './conversation/use-conversation.js';
import type { Conversation } from './conversation/use-conversation.js';
import type { ModelChoice } from './inference/protocol.js';
import { useModel } from './inference/use-model.js';
import type { ModelHandle } from './inference/use-model.js';
import { LANGUAGES } from './language/words.js';
import type { Example } from './pictures/examples.js';
import type { Picture } from './pictures/picture.js';
import { usePictures } from './pictures/use-pictures.js';
import type { NewPicture, PictureTable } from './pictures/use-pictures.js';
import { askOptions } from './settings/settings.js';
import type { Settings } from './settings/settings.js';

export const EMBEDDED: ModelChoice = { kind: 'embedded', address: new URL('./model/', document.baseURI).href };

/** Model, pictures and conversation, and what can be done with them. */
export interface Desk {
  readonly choice: ModelChoice;
  readonly model: ModelHandle;
  readonly table: PictureTable;
  readonly conversation: Conversation;
  /** What went wrong outside of an answer. */
  readonly problem: Error | undefined;
  readonly forgetProblem: () => void;
  readonly addPictures: (pictures: readonly NewPicture[]) => void;
  readonly openExample: (example: Example) => void;
  readonly canRemove: (picture: Picture) => boolean;
  readonly ask: (question: string) => void;
  readonly chooseModel: (choice: ModelChoice) => void;
  /** Clears table and conversation. */
  readonly begin: () => void;
}

export function useDesk(settings: Settings, changeSettings: (change: Partial<Settings>) => void): Desk {
  const { device, dtype, threads, language } = settings;
  const [choice, setChoice] = useState<ModelChoice>(EMBEDDED);
  const [problem, setProblem] = useState<Error>();
  const model = useModel(useMemo(() => ({ choice, device, dtype, threads }), [choice, device, dtype, threads]));
  const table = usePictures(model, setProblem);
  const conversation = useConversation(model);
  const remember = settings.remember === 'auto' ? choice.kind === 'folder' : settings.remember;

  const { add } = table;
  const addPictures = useCallback(
    (pictures: readonly NewPicture[]) => {
      setProblem(undefined);
      void add(pictures);
    },
    [add],
  );
  const fetchExample = async ({ key, file, questions }: Example): Promise<void> => {
    const blob = await (await fetch(file)).blob();
    addPictures([{ blob, name: LANGUAGES[language].words.exampleNames[key], suggestions: questions }]);
  };
  const isSent = ({ id }: Picture): boolean =>
    conversation.turns.some(({ pictures }) => pictures.some((picture) => picture.id === id));

  return {
    choice,
    model,
    table,
    conversation,
    problem,
    forgetProblem: () => setProblem(undefined),
    addPictures,
    openExample: (example) => void fetchExample(example).catch(setProblem),
    // Pictures that belong to what was said stay.
    canRemove: (picture) => conversation.running === undefined && !(remember && isSent(picture)),
    ask: (question) =>
      void conversation.ask(question, { pictures: table.pictures, remember, options: askOptions(settings) }),
    chooseModel: (next) => {
      conversation.stop();
      changeSettings({ dtype: 'auto' });
      setChoice(next);
    },
    begin: () => {
      conversation.clear();
      table.clear();
      setProblem(undefined);
    },
  };
}
