import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { CliError } from './errors.js';

/** Refuses what cannot be a picture before anything is loaded for it: absent, a directory, empty. */
export async function checkImageFile(file: string): Promise<void> {
  const found = await statOrFail(file, 'image');
  if (found.isDirectory()) {
    throw new CliError('IMAGE_FORMAT', `${file} is a directory, expected an image file`, {
      hint: `Name the files in it, for example ${path.join(file, '*.png')}.`,
    });
  }
  if (found.isFile() && found.size === 0)
    throw new CliError('IMAGE_EMPTY', `${file} is empty (0 bytes), expected an image file`);
}

/** Refuses a model or checkpoint directory that is not there. */
export async function checkDirectory(directory: string, what: string): Promise<void> {
  if (!(await statOrFail(directory, what)).isDirectory()) {
    throw new CliError('NOT_A_DIRECTORY', `${directory} is a file, expected the directory of a ${what}`);
  }
}

/** Refuses a file or directory that is not there. */
export async function checkExists(path: string, what: string): Promise<void> {
  await statOrFail(path, what);
}

async function statOrFail(file: string, what: string): ReturnType<typeof stat> {
  try {
    return await stat(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new CliError('FILE_NOT_FOUND', `${file}: no such ${what}`, { cause: error });
    }
    throw error;
  }
}

/** Calls `use` for a temporary file beside `target` and renames it afterwards: nothing half-written is ever visible. */
export async function writeWhole(
  target: string,
  use: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  await mkdir(path.dirname(path.resolve(target)), { recursive: true });
  const temporary = `${target}.${process.pid}.part`;
  const file = await open(temporary, 'wx');
  try {
    await use(file);
    await file.sync();
    await file.close();
    await rename(temporary, target);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}
