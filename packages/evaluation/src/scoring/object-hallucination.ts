import { strip } from '../python/text.js';

/** A response about one image, with the objects that were read out of it. */
export interface DescribedImage {
  readonly imageId: string;
  readonly caption: string;
  /** Objects named in the caption, each once, as base forms. */
  readonly objects: readonly string[];
}

/** Result for one response. */
export interface CaptionHallucination {
  readonly hallucinated: boolean;
  /** Share of the kept mentions that are not in the picture. */
  readonly chair_i: number;
  readonly hallucinated_words: readonly string[];
}

/** Object HalBench figures by the names of the original; `correct_rate` is what is published, as a share. */
export interface ObjectHallucination {
  readonly captions: readonly CaptionHallucination[];
  readonly overall: Readonly<Record<string, number>>;
}

/**
 * CHAIR arithmetic of Object HalBench: mentions outside the synonym table are dropped, the others count as
 * hallucinated when their class is not in the picture.
 *
 * @param synonyms - one list a class, its first word the name of the class
 * @param groundTruth - classes in each picture, by image id
 * @source RLHF-V/RLAIF-V, `eval_gpt_obj_halbench.py` `compute_chair`
 */
export function objectHallucination(
  images: readonly DescribedImage[],
  synonyms: readonly (readonly string[])[],
  groundTruth: Readonly<Record<string, readonly string[]>>,
): ObjectHallucination {
  const classes = new Map(synonyms.flatMap((words) => words.map((word) => [word, words[0]!])));
  const tally = new HallucinationTally();
  const captions = images.map(({ imageId, caption, objects }) => {
    const counts = countMentions(caption, objects, classes, new Set(groundTruth[imageId] ?? []));
    tally.add(counts);
    return captionOf(counts);
  });
  return { captions, overall: tally.overall() };
}

/** What one response adds to the figures. */
export interface MentionCounts {
  /** Mentions with a class. */
  readonly kept: readonly string[];
  /** Those whose class is not in the picture. */
  readonly invented: readonly string[];
  /** Different classes of the picture that are mentioned. */
  readonly found: number;
  /** Classes in the picture. */
  readonly truth: number;
  /** As the original counts: pieces between single blanks. */
  readonly words: number;
}

/** @param truth - classes in the picture */
export function countMentions(
  caption: string,
  objects: readonly string[],
  classes: ReadonlyMap<string, string>,
  truth: ReadonlySet<string>,
): MentionCounts {
  const kept = keptObjects(objects, classes);
  const names = new Set(kept.map((word) => classes.get(word)!));
  return {
    kept,
    invented: kept.filter((word) => !truth.has(classes.get(word)!)),
    found: [...names].filter((name) => truth.has(name)).length,
    truth: truth.size,
    words: strip(caption).split(' ').length,
  };
}

export function captionOf({ kept, invented }: MentionCounts): CaptionHallucination {
  return {
    hallucinated: invented.length > 0,
    chair_i: kept.length === 0 ? 0 : invented.length / kept.length,
    hallucinated_words: invented,
  };
}

/** Sums responses up. */
export class HallucinationTally {
  #responses = 0;
  #withObjects = 0;
  #withHallucination = 0;
  #kept = 0;
  #hallucinated = 0;
  #found = 0;
  #truth = 0;
  #words = 0;

  add({ kept, invented, found, truth, words }: MentionCounts): void {
    this.#responses += 1;
    this.#withObjects += kept.length > 0 ? 1 : 0;
    this.#withHallucination += invented.length > 0 ? 1 : 0;
    this.#kept += kept.length;
    this.#hallucinated += invented.length;
    this.#found += found;
    this.#truth += truth;
    this.#words += words;
  }

  overall(): Record<string, number> {
    const refined = this.#withHallucination / this.#withObjects;
    const perMention = this.#hallucinated / this.#kept;
    return {
      CHAIRs: this.#withHallucination / this.#responses,
      CHAIRs_refine: refined,
      CHAIRi: perMention,
      obj_rec: this.#found / this.#truth,
      sentence_num: this.#responses,
      coco_sentence_num: this.#withObjects,
      coco_word_count: this.#found,
      gt_word_count: this.#truth,
      avg_word_len: this.#words / this.#responses,
      correct_rate: 1 - refined,
      object_correct_rate: 1 - perMention,
    };
  }
}

// The seat of a toilet is not a chair.
function keptObjects(objects: readonly string[], classes: ReadonlyMap<string, string>): string[] {
  const isToiletSeat = objects.includes('toilet') && objects.includes('seat');
  return objects.filter((word) => classes.has(word) && !(isToiletSeat && word === 'seat'));
}
