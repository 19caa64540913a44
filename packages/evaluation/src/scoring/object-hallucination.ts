import { mean } from './mean.js';
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
  const captions: CaptionHallucination[] = [];
  const sums = { words: 0, hallucinated: 0, mentioned: 0, truth: 0, withObjects: 0 };
  for (const image of images) {
    const truth = new Set(groundTruth[image.imageId] ?? []);
    const kept = keptObjects(image.objects, classes);
    const wrong = kept.filter((word) => !truth.has(classes.get(word)!));
    const right = new Set(kept.map((word) => classes.get(word)!).filter((name) => truth.has(name)));
    sums.words += kept.length;
    sums.hallucinated += wrong.length;
    sums.mentioned += right.size;
    sums.truth += truth.size;
    sums.withObjects += kept.length > 0 ? 1 : 0;
    captions.push({
      hallucinated: wrong.length > 0,
      chair_i: kept.length === 0 ? 0 : wrong.length / kept.length,
      hallucinated_words: wrong,
    });
  }
  const hallucinated = captions.filter((caption) => caption.hallucinated).length;
  const refined = hallucinated / sums.withObjects;
  const overall = {
    CHAIRs: hallucinated / images.length,
    CHAIRs_refine: refined,
    CHAIRi: sums.hallucinated / sums.words,
    obj_rec: sums.mentioned / sums.truth,
    sentence_num: images.length,
    coco_sentence_num: sums.withObjects,
    coco_word_count: sums.mentioned,
    gt_word_count: sums.truth,
    avg_word_len: mean(images.map(({ caption }) => strip(caption).split(' ').length)),
    correct_rate: 1 - refined,
    object_correct_rate: 1 - sums.hallucinated / sums.words,
  };
  return { captions, overall };
}

// The seat of a toilet is not a chair.
function keptObjects(objects: readonly string[], classes: ReadonlyMap<string, string>): string[] {
  const isToiletSeat = objects.includes('toilet') && objects.includes('seat');
  return objects.filter((word) => classes.has(word) && !(isToiletSeat && word === 'seat'));
}
