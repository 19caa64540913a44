import { readNodeFile } from './node-file.js';
import type { Platform } from './platform.js';
import { decodeWithSharp } from './sharp-decoder.js';

/** Node: files, and the optional package `sharp`. */
export const nodePlatform: Platform = { readFile: readNodeFile, decode: decodeWithSharp };
