import { watchForReload } from './reload-isolated.js';

/** Whether the page opens without a network. */
export type OfflineState = 'unsupported' | 'saving' | 'ready' | 'failed';

/**
 * Lets the service worker keep the page, and isolate it where the host does not. It is ready when everything lies in the
 * cache.
 *
 * @param onState - told at once, and at every change
 */
export function registerServiceWorker(onState: (state: OfflineState) => void): void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return onState('unsupported');
  onState('saving');
  const reload = watchForReload();
  const register = async (): Promise<void> => {
    try {
      await navigator.serviceWorker.register('./service-worker.js', { scope: './' });
      // Ready is the worker that is active: its installation, the filling of the cache, is done.
      await navigator.serviceWorker.ready;
      onState('ready');
      await controlled();
      reload();
    } catch {
      onState('failed');
    }
  };
  void register();
}

/** A worker that has just been activated takes the page over a moment later. */
function controlled(): Promise<unknown> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller !== null) return Promise.resolve();
  return new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
}
