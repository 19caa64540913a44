import { useEffect, useRef, useState } from 'react';
import { Icon } from '../interface/icon.js';
import { useWords } from '../language/words.js';
import { Camera } from './camera.js';
import type { NewPicture } from './use-pictures.js';

interface AddPicturesProps {
  readonly onAdd: (pictures: readonly NewPicture[]) => void;
  readonly isFirst: boolean;
}

/** The ways to put pictures on the table by a button. Dropping and pasting work anywhere on the page. */
export function AddPictures({ onAdd, isFirst }: AddPicturesProps): React.JSX.Element {
  const words = useWords();
  const files = useRef<HTMLInputElement>(null);
  const photo = useRef<HTMLInputElement>(null);
  const camera = useCameraKind();
  const [isCameraOpen, setIsCameraOpen] = useState(false);

  const addChosen = ({ currentTarget }: React.ChangeEvent<HTMLInputElement>): void => {
    onAdd([...(currentTarget.files ?? [])].map(toPicture));
    // The same file can be chosen again.
    currentTarget.value = '';
  };

  return (
    <div className="add-pictures">
      <button type="button" className={isFirst ? 'primary' : 'on-stage'} onClick={() => files.current?.click()}>
        <Icon name="picture" />
        {isFirst ? words.choose : words.addMore}
      </button>
      {camera === 'none' ? null : (
        <button
          type="button"
          className="on-stage"
          onClick={() => (camera === 'app' ? photo.current?.click() : setIsCameraOpen(true))}
        >
          <Icon name="camera" />
          {words.photograph}
        </button>
      )}
      <input ref={files} type="file" accept="image/*" multiple hidden onChange={addChosen} />
      <input ref={photo} type="file" accept="image/*" capture="environment" hidden onChange={addChosen} />
      {isCameraOpen ? (
        <Camera
          onClose={() => setIsCameraOpen(false)}
          onPhoto={(blob) => {
            onAdd([{ blob, name: words.photograph }]);
            setIsCameraOpen(false);
          }}
        />
      ) : null}
    </div>
  );
}

export function toPicture(file: File): NewPicture {
  return { blob: file, name: file.name };
}

/** Phones open their camera app, computers with a camera a dialog. */
function useCameraKind(): 'app' | 'dialog' | 'none' {
  const isTouch = matchMedia('(pointer: coarse)').matches;
  const [kind, setKind] = useState<'app' | 'dialog' | 'none'>(isTouch ? 'app' : 'none');
  useEffect(() => {
    // Absent where the page is not from a secure origin.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (isTouch || devices === undefined) return;
    void devices.enumerateDevices().then(
      (all) => all.some((device) => device.kind === 'videoinput') && setKind('dialog'),
      () => undefined,
    );
  }, [isTouch]);
  return kind;
}
