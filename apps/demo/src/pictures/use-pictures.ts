import { useCallback, useEffect, useState } from 'react';
import type { ModelHandle } from '../inference/use-model.js';
import { createPicture, GENERAL_QUESTIONS, releasePicture } from './picture.js';
import type { Picture } from './picture.js';

export interface NewPicture {
  readonly blob: Blob;
  readonly name: string;
  readonly suggestions?: readonly string[];
}

export interface PictureTable {
  readonly pictures: readonly Picture[];
  readonly selected: Picture | undefined;
  readonly select: (picture: Picture) => void;
  readonly add: (pictures: readonly NewPicture[]) => Promise<void>;
  readonly remove: (picture: Picture) => void;
  readonly clear: () => void;
}

/** The pictures on the table, each with the way in which the open model cuts it. */
export function usePictures({ whenReady, status }: ModelHandle, onError: (error: Error) => void): PictureTable {
  const [pictures, setPictures] = useState<readonly Picture[]>([]);
  const [selectedId, setSelectedId] = useState<string>();

  const add = useCallback(
    async (added: readonly NewPicture[]) => {
      for (const { blob, name, suggestions = GENERAL_QUESTIONS } of added) {
        try {
          const { client } = await whenReady();
          const picture = createPicture(blob, await client.inspect(blob), { name, suggestions });
          setPictures((all) => [...all, picture]);
          setSelectedId(picture.id);
        } catch (error) {
          onError(error as Error);
        }
      }
    },
    [whenReady, onError],
  );

  const remove = useCallback((picture: Picture) => {
    setPictures((all) => all.filter((each) => each !== picture));
  }, []);

  const clear = useCallback(() => {
    setPictures((all) => {
      for (const picture of all) releasePicture(picture);
      return [];
    });
  }, []);

  // Another model cuts pictures in another way.
  useEffect(() => {
    if (status.type !== 'ready') return;
    const replan = async (): Promise<void> => {
      const { client } = await whenReady();
      const plans = await Promise.all(pictures.map(({ blob }) => client.inspect(blob)));
      setPictures((all) =>
        all.map((picture) => {
          const plan = plans[pictures.indexOf(picture)];
          return plan === undefined ? picture : { ...picture, plan };
        }),
      );
    };
    if (pictures.length > 0) void replan().catch(onError);
  }, [status]);

  const selected = pictures.find(({ id }) => id === selectedId) ?? pictures.at(-1);
  return { pictures, selected, select: ({ id }) => setSelectedId(id), add, remove, clear };
}
