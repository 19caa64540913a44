import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';

export const root: string = path.resolve(import.meta.dirname, '../../..');
export const golden: string = path.join(root, 'tools', 'golden');
export const picture: string = path.join(golden, 'reading', 'images', 'sign-011.jpg');

export interface Folder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<Folder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-cli-'));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

const CONTROL_TOKENS = [
  '<|begin_of_text|>',
  '<|end_of_text|>',
  '<unk>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<image>',
  '</image>',
  '<slice>',
  '</slice>',
  '<image_id>',
  '</image_id>',
];

/** Standard error without the lines that `convert` writes every ten seconds: a busy machine has some. */
export const withoutProgress = (stderr: string): string => stderr.replaceAll(/^\d+ % {2}.*\n/gm, '');

/** Writes a random checkpoint with a vocabulary of bytes: its answers are noise, but it can be asked. */
export async function writeCheckpoint(directory: string): Promise<void> {
  await cp(path.join(golden, 'model'), directory, { recursive: true, filter: (file) => !file.endsWith('.npy') });
  const config = JSON.parse(await readFile(path.join(directory, 'config.json'), 'utf8')) as object;
  await writeFile(path.join(directory, 'config.json'), JSON.stringify({ ...config, eos_token_id: 257 }));
  await writeFile(path.join(directory, 'generation_config.json'), JSON.stringify({ eos_token_id: 257 }));
  const ranks = Array.from({ length: 256 }, (_, byte) => `${Buffer.of(byte).toString('base64')} ${byte}\n`);
  await writeFile(path.join(directory, 'tokenizer.model'), ranks.join(''));
  const names = Array.from({ length: 256 }, (_, index) => CONTROL_TOKENS[index] ?? `<|reserved_${index}|>`);
  const added = Object.fromEntries(names.map((content, index) => [256 + index, { content, special: true }]));
  await writeFile(path.join(directory, 'tokenizer_config.json'), JSON.stringify({ added_tokens_decoder: added }));
}

function pngHeader(width: number, height: number): Buffer {
  const body = Buffer.alloc(17);
  body.write('IHDR', 0, 'latin1');
  body.writeUInt32BE(width, 4);
  body.writeUInt32BE(height, 8);
  body.set([8, 2, 0, 0, 0], 12);
  const chunk = Buffer.alloc(25);
  chunk.writeUInt32BE(13, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), 21);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk]);
}

/** Files that look like pictures and are none, by what is wrong with them. */
export async function writeBadPictures(folder: string): Promise<ReadonlyMap<string, string>> {
  const jpeg = await readFile(picture);
  const contents: readonly (readonly [string, string, Uint8Array | string])[] = [
    ['a text file named .png', 'text.png', 'This is a letter, not a picture.\n'],
    ['a truncated JPEG', 'cut.jpg', jpeg.subarray(0, jpeg.length / 2)],
    ['an empty file', 'empty.png', ''],
    ['a PNG of 80,000 x 80,000', 'huge.png', pngHeader(80_000, 80_000)],
  ];
  const files = new Map([['no file', path.join(folder, 'absent.png')]]);
  for (const [what, name, content] of contents) {
    const file = path.join(folder, name);
    await writeFile(file, content);
    files.set(what, file);
  }
  const directory = path.join(folder, 'directory.png');
  await mkdir(directory);
  return files.set('a directory', directory);
}
