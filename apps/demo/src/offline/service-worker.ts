/// <reference lib="webworker" />
// Keeps the whole page, its engine and its model, so that it opens without a network, and isolates it, so that it has threads.
import { addPlugins, cleanupOutdatedCaches, precacheAndRoute } from 'workbox-precaching';
import type { PrecacheEntry } from 'workbox-precaching';
import { registerRoute } from 'workbox-routing';
import { CacheFirst } from 'workbox-strategies';
import { isolated } from './isolated.js';

declare const self: ServiceWorkerGlobalScope & { readonly __WB_MANIFEST: (PrecacheEntry | string)[] };

void self.skipWaiting();
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
cleanupOutdatedCaches();

const isolation: Parameters<typeof addPlugins>[0][number] = {
  handlerWillRespond: ({ response }) => Promise.resolve(isolated(response)),
};
addPlugins([isolation]);
// oxlint-disable-next-line no-underscore-dangle -- the name that the build replaces by the list of files
precacheAndRoute(self.__WB_MANIFEST);

// What the list does not name is not there: a model lacks some of the files that are looked for.
registerRoute(
  ({ url }) => url.href.startsWith(new URL('model/', self.registration.scope).href),
  async () => new Response(null, { status: 404 }),
);

// What is too large to be kept for everybody is kept for those who use it: the newest only.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname.endsWith('.wasm'),
  new CacheFirst({
    cacheName: 'pocketlens-engines',
    plugins: [
      isolation,
      {
        cacheDidUpdate: async ({ cacheName, request }) => {
          const cache = await caches.open(cacheName);
          const others = (await cache.keys()).filter(({ url }) => url !== request.url);
          await Promise.all(others.map((other) => cache.delete(other)));
        },
      },
    ],
  }),
);
