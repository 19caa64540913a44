import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium of this machine: `POCKETLENS_CHROMIUM`, or where distributions put it. */
export const chromiumPath: string | undefined = [process.env['POCKETLENS_CHROMIUM'], ...PLACES].find(
  (place) => place !== undefined && existsSync(place),
);
