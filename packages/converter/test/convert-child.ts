import { convert, type ConvertOptions } from '../src/index.js';

// A conversion in a process of its own, for tests that kill it: options as JSON, a line of output for each piece written.
const options = JSON.parse(process.argv[2] ?? '') as ConvertOptions;
await convert({ ...options, onProgress: ({ bytesDone }) => void process.stdout.write(`${bytesDone}\n`) });
