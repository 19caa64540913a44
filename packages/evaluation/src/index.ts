export type {
  Aggregate,
  Aggregator,
  Agreement,
  Benchmark,
  GenerationSettings,
  Headline,
  Json,
  JudgedSample,
  Judging,
  Resampling,
  SampleScore,
} from './benchmarks/benchmark.js';
export { benchmarks, findBenchmark, loadBenchmark, type LoadedBenchmark } from './benchmarks/registry.js';
export { vlmEvalKitBenchmark, type VlmEvalKitBenchmark } from './benchmarks/vlmevalkit.js';
export { checkCases, type CaseFailure, type CaseReport } from './check/check-cases.js';
export { openReadingDataset } from './data/reading-dataset.js';
export type { Dataset, DatasetRow, ImageSource, Sample } from './data/sample.js';
export { openTsvDataset, type TsvDatasetOptions } from './data/tsv-dataset.js';
export {
  AbortError,
  CasesError,
  DatasetError,
  EvaluationError,
  type EvaluationErrorCode,
  type EvaluationErrorOptions,
  JudgeError,
  PredictionsError,
  RunError,
  UnknownBenchmarkError,
} from './errors.js';
export { dataDigest } from './manifest/data-digest.js';
export {
  createRunManifest,
  manifestFileOf,
  readRunManifest,
  type RunManifest,
  type ServedModel,
  servedModel,
  writeRunManifest,
} from './manifest/run-manifest.js';
export {
  differencesOfAnswers,
  differencesOfData,
  differencesOfVersions,
  type ManifestDifference,
  requireSameAnswers,
} from './manifest/same-run.js';
export {
  type AskJudge,
  createJudge,
  type Judge,
  type JudgeCounts,
  type JudgeModel,
  type JudgeOptions,
  type JudgeRequest,
} from './judging/judge.js';
export type { JudgeProgress } from './judging/judge-samples.js';
export { judgePrompt, type JudgeTask } from './prompts/judge.js';
export { PROMPT_STYLES, type PromptPart, type PromptStyle } from './prompts/parts.js';
export { lockOutput, type OutputLock } from './run/output-lock.js';
export { type PredictionRecord, readPredictions, type SampleFailure } from './run/predictions-file.js';
export {
  type AnsweringModel,
  answerRequest,
  describeFailure,
  type Outcome,
  type Patience,
} from './run/answer-request.js';
export {
  type Answerer,
  type CollectOptions,
  collectAnswers,
  MOST_FAILURES_IN_A_ROW,
  type RunProgress,
  type RunSummary,
  type StoreOutcome,
} from './run/collect-answers.js';
export { type ModelRequest, type Question, type QuestionSettings } from './run/question.js';
export { runBenchmark, type RunOptions } from './run/run-benchmark.js';
export type { RetryOptions } from './run/retry.js';
export type { Selection } from './run/select-samples.js';
export {
  type Matching,
  scoreBenchmark,
  type SampleReport,
  type ScoreOptions,
  type ScoreReport,
} from './run/score-benchmark.js';
export { parseLlavaReview, parseMmVetReplies } from './scoring/judge-replies.js';
export {
  anlsFromDistances,
  levenshteinDistance,
  normalizedDistance,
  officialNormalizedDistance,
  wordDistance,
} from './scoring/levenshtein.js';
export { isOfficialOpenCorrect, parseOfficialChoice, parseOfficialOpen } from './scoring/mmmu-official.js';
export { objectHallucination, type DescribedImage, type ObjectHallucination } from './scoring/object-hallucination.js';
export { matchOption, type MatchedOption, type Options } from './scoring/option-matcher.js';
export { type Profile, PROFILES } from './scoring/profile.js';
export { isExactReading, isSameNumber, normalizeReading, transcriptionErrors } from './scoring/reading.js';
export { relaxedMatch } from './scoring/relaxed-accuracy.js';
export { openbmbVqaAccuracy, vqaAccuracy, type VqaAccuracy } from './scoring/vqa-accuracy.js';
export { normalizeAnswer } from './scoring/vqa-normalize.js';
export { extractYesNo, type YesNo } from './scoring/yes-no.js';
export { reportCsv } from './report/csv.js';
export { formatFigure, formatInterval } from './report/format.js';
export { DEFAULT_WORST, type PageOptions, reportPage } from './report/html/page.js';
export { type Leaderboard, leaderboardOf, type LeaderboardRow } from './report/leaderboard.js';
export { reportMarkdown } from './report/markdown.js';
export { openCompassAverage, OPENCOMPASS_LISTS, type OpenCompassList } from './report/opencompass.js';
export { type PublishedColumn, publishedColumns, type PublishedModel, publishedModels } from './report/published.js';
export {
  type BenchmarkReport,
  type BenchmarkReportOptions,
  type CategoryFigure,
  readPictures,
  reportBenchmark,
  type ReportedPicture,
  type ReportedSample,
  reportJson,
  type SampleStatus,
} from './report/report.js';
export { openRun, type OpenRunOptions, requireComparable, type RunBenchmark } from './report/run-folder.js';
export {
  type ChangedSample,
  compareRuns,
  type CompareOptions,
  type ComparisonReport,
  type FigureDifference,
} from './statistics/compare.js';
export {
  confidenceIntervals,
  type ConfidenceOptions,
  type ConfidenceReport,
  type FigureInterval,
  meanInterval,
} from './statistics/confidence.js';
export { type Interval, normalQuantile, percentileInterval, wilsonInterval } from './statistics/interval.js';
export { mcnemarTest } from './statistics/mcnemar.js';
export { type ScoredRow, type ScoredRows, scoreRows } from './statistics/scored-row.js';
