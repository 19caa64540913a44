import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel } from '@pocketlens/runtime';
import { Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { checkDirectory, checkImageFile } from '../files.js';
import { decodeModeOf } from '../image-options.js';
import { type CliIo, write, writeJson } from '../io.js';
import { decimal, integer } from '../options.js';
import { createProgress } from '../progress.js';

interface AskOptions {
  readonly prompt: string;
  readonly model?: string;
  readonly dtype?: 'fp32' | 'fp16';
  readonly system?: string;
  readonly maxNewTokens?: number;
  readonly sampling?: true;
  readonly beams?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly exact?: true;
  readonly json?: true;
}
