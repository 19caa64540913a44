// Measures Pocketlens and its peers on this machine, interleaved, each in a process of its own. See README.md.
import process from 'node:process';
import { UsageError } from './src/options.mjs';

const SUBJECTS = {
  runtime: () => import('./src/runtime.mjs'),
  transcription: () => import('./src/transcription.mjs'),
  preprocessing: () => import('./src/preprocessing.mjs'),
  tokenizer: () => import('./src/tokenizer.mjs'),
};

const USAGE = `Usage: node bench.mjs SUBJECT [options]; node bench.mjs SUBJECT --help

Subjects: ${Object.keys(SUBJECTS).join(', ')}
`;

const [subject, ...args] = process.argv.slice(2);
try {
  if (subject === undefined || subject === '--help' || subject === '-h') process.stdout.write(USAGE);
  else if (SUBJECTS[subject] === undefined) throw new UsageError(`unknown subject ${subject}`);
  else await (await SUBJECTS[subject]()).run(args);
} catch (error) {
  process.stderr.write(`error: ${error.message}\n`);
  const isUsage = error instanceof UsageError || String(error.code).startsWith('ERR_PARSE_ARGS');
  process.exitCode = isUsage ? 2 : 1;
}
