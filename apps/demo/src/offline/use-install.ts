import { useEffect, useState } from 'react';

/** Chromium's offer to install the page; other browsers have a menu entry of their own. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

/** Installs the page, where the browser offers it. */
export function useInstall(): (() => void) | undefined {
  const [offer, setOffer] = useState<InstallPrompt>();
  useEffect(() => {
    const keep = (event: Event): void => {
      event.preventDefault();
      setOffer(event as InstallPrompt);
    };
    const forget = (): void => setOffer(undefined);
    window.addEventListener('beforeinstallprompt', keep);
    window.addEventListener('appinstalled', forget);
    return () => {
      window.removeEventListener('beforeinstallprompt', keep);
      window.removeEventListener('appinstalled', forget);
    };
  }, []);
  if (offer === undefined) return undefined;
  return () => {
    setOffer(undefined);
    void offer.prompt();
  };
}
