import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  DEFAULT_PREPROCESSOR_CONFIG,
  parsePreprocessorConfig,
  type PreprocessorConfig,
} from '@pocketlens/preprocessing';
import { CliError } from './errors.js';
import { checkDirectory } from './files.js';

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError('MODEL_CONFIG', `${file} is not JSON`, { cause: error });
  }
}

/**
 * What `preprocessor_config.json` of a model directory says, or its `config.json` when there is no other (MiniCPM-V 2.0); without a
 * directory MiniCPM-Llama3-V 2.5.
 */
export async function readPreprocessorConfig(modelDirectory: string | undefined): Promise<PreprocessorConfig> {
  if (modelDirectory === undefined) return DEFAULT_PREPROCESSOR_CONFIG;
  await checkDirectory(modelDirectory, 'model');
  const own = path.join(modelDirectory, 'preprocessor_config.json');
  return parsePreprocessorConfig(await readJson(existsSync(own) ? own : path.join(modelDirectory, 'config.json')));
}
