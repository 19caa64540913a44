import { useEffect, useRef, useState } from 'react';
import { Dialog } from '../interface/dialog.js';
import { useWords } from '../language/words.js';

interface CameraProps {
  readonly onPhoto: (blob: Blob) => void;
  readonly onClose: () => void;
}

/** The picture of a camera of this device, and a shutter. Phones use their own camera app instead. */
export function Camera({ onPhoto, onClose }: CameraProps): React.JSX.Element {
  const words = useWords();
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<'starting' | 'live' | 'failed'>('starting');

  useEffect(() => {
    let stream: MediaStream | undefined;
    let isOpen = true;
    const stop = (): void => stream?.getTracks().forEach((track) => track.stop());
    const start = async (): Promise<void> => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1920, height: 1080 } });
        if (!isOpen) return stop();
        if (video.current !== null) video.current.srcObject = stream;
      } catch {
        setState('failed');
      }
    };
    void start();
    return () => {
      isOpen = false;
      stop();
    };
  }, []);

  const shoot = async (): Promise<void> => {
    if (video.current === null) return;
    const { videoWidth, videoHeight } = video.current;
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext('2d')?.drawImage(video.current, 0, 0);
    onPhoto(await canvas.convertToBlob({ type: 'image/png' }));
  };

  return (
    <Dialog title={words.camera} onClose={onClose}>
      {state === 'failed' ? (
        <p>{words.cameraFailed}</p>
      ) : (
        <>
          {/* Before its first frame a camera has no size. */}
          <video ref={video} className="camera" autoPlay muted playsInline onLoadedData={() => setState('live')} />
          <button type="button" className="primary" disabled={state !== 'live'} onClick={() => void shoot()}>
            {words.takePhoto}
          </button>
        </>
      )}
    </Dialog>
  );
}
