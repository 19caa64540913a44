import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { DatasetError } from '../errors.js';
import { objectsInText, type ObjectWords } from '../scoring/object-words.js';
import { readArrayItems } from './json-array.js';

const SPLITS = ['val2014', 'train2014'];

/**
 * Classes that are in pictures of COCO 2014: those of the instance masks, and those that the captions of people name.
 *
 * @param folder - with `instances_val2014.json` and `captions_val2014.json`; those of `train2014` are read where they are
 * @param images - ids of the pictures that are wanted
 * @throws {DatasetError} `DATASET_FORMAT`
 * @source RLHF-V/RLAIF-V, `eval_gpt_obj_halbench.py` `get_annotations`
 */
export async function cocoObjects(
  folder: string,
  images: ReadonlySet<string>,
  words: ObjectWords,
): Promise<Map<string, Set<string>>> {
  const objects = new Map([...images].map((id) => [id, new Set<string>()]));
  const splits = SPLITS.filter((split) => existsSync(join(folder, `instances_${split}.json`)));
  if (splits.length === 0) {
    throw new DatasetError('DATASET_FORMAT', `Expected instances_val2014.json in ${folder}.`, {
      hint: 'Take the annotations of COCO 2014, which are one archive.',
    });
  }
  for (const split of splits) {
    await addInstances(join(folder, `instances_${split}.json`), objects, words);
    for await (const { value } of readArrayItems(join(folder, `captions_${split}.json`), ['annotations'])) {
      const { image_id: id, caption } = value as { image_id?: unknown; caption?: unknown };
      const known = objects.get(String(id));
      if (known === undefined || typeof caption !== 'string') continue;
      const seen = objectsInText(caption, words);
      // The seat of a toilet is not a chair.
      const isToiletSeat = seen.includes('toilet') && seen.includes('seat');
      for (const word of seen) {
        const name = words.classes.get(word);
        if (name !== undefined && !(isToiletSeat && word === 'seat')) known.add(name);
      }
    }
  }
  return objects;
}

// Categories may stand behind the annotations that use them, so these wait as numbers.
async function addInstances(file: string, objects: Map<string, Set<string>>, words: ObjectWords): Promise<void> {
  const categories = new Map<number, string>();
  const found: { readonly image: string; readonly category: number }[] = [];
  for await (const { key, value } of readArrayItems(file, ['categories', 'annotations'])) {
    const { id, name, image_id: image, category_id: category } = value as Readonly<Record<string, unknown>>;
    if (key === 'categories') categories.set(Number(id), String(name));
    else if (objects.has(String(image))) found.push({ image: String(image), category: Number(category) });
  }
  for (const { image, category } of found) {
    const name = categories.get(category);
    const known = name === undefined ? undefined : words.classes.get(name);
    if (known === undefined) {
      throw new DatasetError(
        'DATASET_FORMAT',
        `Expected a word for category ${name ?? category} of ${file} among the synonyms.`,
      );
    }
    objects.get(image)!.add(known);
  }
}
