/**
 * Which version of the established scoring rules is applied.
 * `current`: VLMEvalKit as of August 2026 (commit e8e78f0). `eval_mm`: the copy in the MiniCPM-V repository whose
 * option matcher and punctuation rule stand behind the published MiniCPM-Llama3-V 2.5 figures.
 */
export type Profile = 'current' | 'eval_mm';

/** Every profile, the default first. */
export const PROFILES: readonly Profile[] = ['current', 'eval_mm'];
