import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium of this machine: `CHROMIUM`, or where distributions put it. */
export const chromiumPath: string | undefined = [process.env['CHROMIUM'], ...PLACES].find(
  (place) => place !== undefined && existsSync(place),
);
