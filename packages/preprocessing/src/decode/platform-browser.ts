import { InvalidArgumentError } from '../errors.js';
import { decodeWithBrowser } from './bitmap-decoder.js';
import { damageError, findDamage } from './damage.js';
import type { Platform } from './platform.js';

/** A browser: its own decoders, no files. */
export const browserPlatform: Platform = {
  async readFile() {
    throw new InvalidArgumentError(
      'ARGUMENT_TYPE',
      'Expected bytes, a Blob or an ImageBitmap for image but received a path or URL: there are no files here',
      { hint: 'Fetch it yourself, within bounds of your own, and pass the bytes' },
    );
  },
  async decode(bytes, header, { mode, failOn }) {
    // Browsers paint the part of a damaged file that they can read, and do not tell.
    if (failOn === 'error' && findDamage(bytes, header) !== null) throw damageError(bytes, header);
    return decodeWithBrowser(bytes, mode);
  },
};
