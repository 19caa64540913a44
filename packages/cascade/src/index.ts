export { cascade, CascadeModel } from './cascade-model.js';
export type {
  AnsweredBy,
  CascadeFinishPart,
  CascadeOptions,
  CascadePart,
  CascadeResult,
  Consent,
  ConsentRequest,
  Escalation,
} from './types.js';
export {
  anyOf,
  parseRule,
  RULES,
  whenAlways,
  whenCut,
  whenEmpty,
  whenPictures,
  whenPrompt,
  whenUnsure,
} from './rules.js';
export type { Rule } from './rules.js';
