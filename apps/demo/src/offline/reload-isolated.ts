const RELOADED = 'pocketlens.reloaded';
const USES = ['pointerdown', 'keydown', 'paste', 'drop', 'change'] as const;

/**
 * On a host without the headers of isolation the service worker adds them, from the next load of the page on. Nobody has to know:
 * an unused page loads again by itself, once; one in use gets its threads at the next visit.
 *
 * @returns what to call when the service worker serves the page
 */
export function watchForReload(): () => void {
  let isUsed = false;
  const use = (): void => {
    isUsed = true;
  };
  for (const name of USES) window.addEventListener(name, use, { capture: true, once: true });
  return () => {
    const { controller } = navigator.serviceWorker;
    if (window.crossOriginIsolated || isUsed || controller === null || sessionStorage.getItem(RELOADED) !== null)
      return;
    // Where it does not help, such as in a browser that isolates no page, it is not tried again.
    sessionStorage.setItem(RELOADED, 'true');
    location.reload();
  };
}
