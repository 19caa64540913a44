import { useEffect, useState } from 'react';
import { toPicture } from './add-pictures.js';
import type { NewPicture } from './use-pictures.js';

/** Takes pictures that are dropped or pasted anywhere on the page. Returns whether files hover over it. */
export function useDropAndPaste(onAdd: (pictures: readonly NewPicture[]) => void): boolean {
  const [isHovering, setIsHovering] = useState(false);
  useEffect(() => {
    const take = (event: Event, data: DataTransfer | null): void => {
      const files = [...(data?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      onAdd(files.map(toPicture));
    };
    const hover = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      setIsHovering(true);
    };
    const leave = (event: DragEvent): void => {
      // Null: the pointer has left the window, not one element for another.
      if (event.relatedTarget === null) setIsHovering(false);
    };
    const drop = (event: DragEvent): void => {
      setIsHovering(false);
      take(event, event.dataTransfer);
    };
    const paste = (event: ClipboardEvent): void => take(event, event.clipboardData);
    const listeners = new AbortController();
    const { signal } = listeners;
    window.addEventListener('dragover', hover, { signal });
    window.addEventListener('dragleave', leave, { signal });
    window.addEventListener('drop', drop, { signal });
    window.addEventListener('paste', paste, { signal });
    return () => listeners.abort();
  }, [onAdd]);
  return isHovering;
}
