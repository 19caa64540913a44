import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readArrayItems } from '../data/json-array.js';
import { createJudge } from '../judging/judge.js';
import { scoreBenchmark } from '../run/score-benchmark.js';
import { objectsInText, objectsOfPhrases, parseObjectWords } from '../scoring/object-words.js';
import { loadBenchmark } from './registry.js';

const SYNONYMS = `person, man, woman, people, child
dog, puppy
toilet
chair, seat
wine glass
knife
stop sign
sandwich
bus
`;
const words = parseObjectWords(SYNONYMS);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pocketlens-halbench-'));
  await writeFile(join(folder, 'synonyms_refine.txt'), SYNONYMS);
  const image = Buffer.from('a picture').toString('base64');
  const lines = [
    { image_id: '000000000007', question: '<image> Describe the picture.', image },
    { image_id: 8, question: 'What is there?', image },
    { image_id: 9, question: 'Tell me.', image },
  ];
  await writeFile(join(folder, 'obj_halbench.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const annotations = join(folder, 'annotations');
  await mkdir(annotations);
  const instances = {
    info: { description: 'quotes \\" and brackets ]}' },
    images: [{ id: 7 }, { id: 8 }],
    annotations: [
      { image_id: 7, category_id: 2, segmentation: [[1.5, 2], [3]] },
      { image_id: 8, category_id: 1, segmentation: { counts: [1], size: [2, 2] } },
      { image_id: 1000, category_id: 1 },
    ],
    categories: [
      { id: 1, name: 'toilet' },
      { id: 2, name: 'dog' },
    ],
  };
  await writeFile(join(annotations, 'instances_val2014.json'), JSON.stringify(instances));
  const captions = {
    annotations: [
      { image_id: 7, caption: 'Two women with a puppy.' },
      { image_id: 8, caption: 'The seat of a toilet.' },
    ],
  };
  await writeFile(join(annotations, 'captions_val2014.json'), JSON.stringify(captions));
});
afterAll(() => rm(folder, { recursive: true }));

describe('Object HalBench', () => {
  it('takes what is in a picture from masks and captions of COCO', async () => {
    const { dataset } = await loadBenchmark('ObjectHalBench', folder);
    expect(dataset).toMatchObject({ count: 3, dropped: 0 });
    const samples = [];
    for await (const { index, cells, images } of dataset.samples()) {
      samples.push([index, cells['question'], cells['objects'], (await images())[0]]);
    }
    const picture = { type: 'bytes', bytes: Buffer.from('a picture') };
    expect(samples).toEqual([
      ['7', 'Describe the picture.', '["dog","person"]', picture],
      // The seat of a toilet is not a chair.
      ['8', 'What is there?', '["toilet"]', picture],
      ['9', 'Tell me.', '[]', picture],
    ]);
  });

  const predictions = {
    '7': 'Assistant: Two men walk a dog past a bus full of people.',
    '8': 'A white toilet.',
    '9': 'Nothing that I know.',
  };

  it('scores raw answers without a judge as classic CHAIR, and says so', async () => {
    const benchmark = await loadBenchmark('ObjectHalBench', folder);
    const report = await scoreBenchmark({ benchmark, predictions });
    expect(report).toMatchObject({
      agreement: 'substitute',
      matching: { by: 'exact-matching' },
      headline: { name: 'Correct Rate', value: 50, best: 100 },
      scored: 3,
      unmatched: 0,
    });
    expect(report.samples[0]?.details).toMatchObject({
      hallucinated: true,
      objects: ['man', 'dog', 'bus', 'people'],
      hallucinated_words: ['bus'],
      chair_i: 0.25,
    });
    expect(report.table).toMatchObject([
      { CHAIRs: 1 / 3, CHAIRs_refine: 1 / 2, CHAIRi: 1 / 5, obj_rec: 1, sentence_num: 3, coco_sentence_num: 2 },
    ]);
  });

  it('takes the objects that a judge lists, asks again where there is no list, and not about short answers', async () => {
    const benchmark = await loadBenchmark('ObjectHalBench', folder);
    const asked: { role: string; content: unknown; temperature: number | undefined }[] = [];
    const replies = [
      'Sure!',
      '```json\n["men", "brown puppies", "city bus", "people"]\n```',
      'The list:\n["toilet seat"]',
      '[]',
    ];
    const model = {
      generate: (
        [message]: readonly { role: string; content: unknown }[],
        { temperature }: { temperature?: number },
      ) => {
        asked.push({ ...message!, temperature });
        return Promise.resolve({ text: replies[asked.length - 1]! });
      },
    };
    const judge = createJudge({ model: model as never, name: 'eye' });
    const long = { ...predictions, '8': 'Here is a toilet with its seat up.' };
    const report = await scoreBenchmark({ benchmark, predictions: long, judge, judgeConcurrency: 1 });
    expect(report).toMatchObject({ matching: { by: 'judge', judged: 3, asked: 4 }, headline: { value: 100 } });
    expect(report.samples.map(({ details }) => details['objects'])).toEqual([
      ['man', 'puppy', 'city bus', 'people'],
      ['toilet'],
      [],
    ]);
    expect(asked[0]).toMatchObject({
      role: 'system',
      content: expect.stringContaining('<image> Describe the picture.') as unknown,
    });
    expect(asked[0]!.content).toContain(
      "\nTwo men walk a dog past a bus full of people.\n\n[End of Examiner's Answer]",
    );
    expect(asked.map(({ temperature }) => temperature)).toEqual([undefined, 0.5, undefined, undefined]);
    const short = await scoreBenchmark({ benchmark, predictions: { '8': 'A toilet' }, judge });
    expect(short).toMatchObject({ matching: { judged: 1, asked: 0 } });
  });

  it('takes a table of what is in the pictures instead of COCO', async () => {
    const small = await mkdtemp(join(tmpdir(), 'pocketlens-halbench-'));
    const open = (): Promise<unknown> => loadBenchmark('ObjectHalBench', small);
    await expect(open()).rejects.toMatchObject({
      code: 'DATASET_FORMAT',
      message: expect.stringContaining('.jsonl') as unknown,
    });
    await writeFile(join(small, 'q.jsonl'), '{"image_id": 7, "question": "?", "image": ""}\n');
    await expect(open()).rejects.toThrow('synonyms_refine.txt');
    await writeFile(join(small, 'synonyms.txt'), SYNONYMS);
    await expect(open()).rejects.toThrow('ground_truth.json or annotations/');
    await writeFile(join(small, 'ground_truth.json'), '{"8": ["dog"]}');
    await expect(open()).rejects.toThrow('the objects of image 7');
    await writeFile(join(small, 'ground_truth.json'), '{"7": ["dog"]}');
    const benchmark = await loadBenchmark('ObjectHalBench', small);
    expect(await scoreBenchmark({ benchmark, predictions: { '7': 'Three puppies.' } })).toMatchObject({
      headline: { value: 100 },
    });
    await writeFile(join(small, 'q.jsonl'), '{"image_id": 7, "question": "?"}\n');
    await expect(open()).rejects.toThrow('in line 1 of');
    await rm(small, { recursive: true });
  });
});

describe('words for objects', () => {
  it.each([
    ['Knives, sandwiches and wine glasses on buses.', ['knife', 'sandwich', 'wine glass', 'bus']],
    ['A baby elephant beside a STOP SIGN', ['elephant', 'stop sign']],
    ['a man, a man', ['man', 'man']],
  ])('%s', (text, objects) => {
    const known = parseObjectWords(`${SYNONYMS}elephant\n`);
    expect(objectsInText(text, known)).toEqual(objects);
  });

  it('are those of a phrase as a whole, after its attributes', () => {
    expect(objectsOfPhrases(['large white dogs', 'dog houses', 'a red stop sign', 'dogs', 'red'], words)).toEqual([
      'dog',
      'dog houses',
      'stop sign',
      'red',
    ]);
  });
});

describe('a large JSON file', () => {
  it('is read item by item, however it is cut', async () => {
    const file = join(folder, 'large.json');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), fc.jsonValue(), async (items, other) => {
        const wide = [...items, { pad: 'x'.repeat(700_000) }, ...items, { pad: '"\\{'.repeat(200_000) }];
        await writeFile(file, JSON.stringify({ other, a: [[1], 2], items: wide, more: items }, undefined, 1));
        const found = [];
        for await (const { key, value } of readArrayItems(file, ['items'])) found.push([key, value]);
        expect(found).toEqual(wide.map((item) => ['items', JSON.parse(JSON.stringify(item))]));
      }),
      { numRuns: 15 },
    );
  });

  it('that is cut off is refused', async () => {
    const file = join(folder, 'cut.json');
    await writeFile(file, '{"items": [{"a": 1}, {"a"');
    const read = async (): Promise<void> => {
      for await (const item of readArrayItems(file, ['items'])) expect(item.value).toEqual({ a: 1 });
    };
    await expect(read()).rejects.toMatchObject({
      code: 'DATASET_FORMAT',
      message: expect.stringContaining('cut off') as unknown,
    });
  });
});
