import type { Check } from '../check.js';
import { abortChecks } from './abort.js';
import { argumentChecks } from './arguments.js';
import { concurrencyChecks } from './concurrency.js';
import { contractChecks } from './contract.js';
import { disposalChecks } from './disposal.js';
import { endToEndChecks } from './end-to-end.js';
import { goldenValueChecks } from './golden-values.js';
import { imageChecks } from './images.js';
import { loadingChecks } from './loading.js';
import { memoryChecks } from './memory.js';
import { sequenceChecks } from './sequences.js';
import { shapeChecks } from './shapes.js';

/** Everything that a backend is asked, in the order of the table. */
export const allChecks: readonly Check[] = [
  ...contractChecks,
  ...loadingChecks,
  ...shapeChecks,
  ...goldenValueChecks,
  ...imageChecks,
  ...sequenceChecks,
  ...argumentChecks,
  ...abortChecks,
  ...disposalChecks,
  ...concurrencyChecks,
  ...memoryChecks,
  ...endToEndChecks,
];
