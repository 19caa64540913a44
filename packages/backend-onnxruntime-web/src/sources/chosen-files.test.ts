import { describe, expect, it } from 'vitest';
import { DirectoryHandleSource } from './directory-handle-source.js';
import type { DirectoryHandle } from './directory-handle-source.js';
import { FileListSource } from './file-list-source.js';
import type { ListedFile } from './file-list-source.js';

const file = (name: string, text: string, webkitRelativePath = ''): ListedFile =>
  Object.assign(new Blob([text]), { name, webkitRelativePath });

const contentOf = async (source: FileListSource | DirectoryHandleSource, path: string): Promise<string> => {
  const opened = await source.open(path);
  const bytes = await opened.read(0, opened.size);
  await opened.close();
  return new TextDecoder().decode(bytes);
};

describe('files that were chosen', () => {
  it('are found by their paths in a folder', async () => {
    const source = new FileListSource([
      file('config.json', 'settings', 'minicpm/config.json'),
      file('x.onnx', 'graph', 'minicpm/onnx/x.onnx'),
    ]);
    expect(source.name).toBe('minicpm');
    expect(await contentOf(source, 'config.json')).toBe('settings');
    expect(await contentOf(source, 'onnx/x.onnx')).toBe('graph');
    await expect(source.open('x.onnx')).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING' });
    await expect(source.open('../config.json')).rejects.toMatchObject({ code: 'MODEL_EXTERNAL_PATH' });
  });

  it('are found by their names when they were chosen one by one', async () => {
    const source = new FileListSource([file('config.json', 'settings'), file('x.onnx', 'graph')]);
    expect(await contentOf(source, 'onnx/x.onnx')).toBe('graph');
    const opened = await source.open('config.json');
    await expect(opened.read(4, 5)).rejects.toMatchObject({ code: 'MODEL_FILE_SIZE' });
  });

  it('are refused when there are none, or two of a name', () => {
    const range = expect.objectContaining({ code: 'ARGUMENT_RANGE' });
    expect(() => new FileListSource([])).toThrow(range);
    expect(() => new FileListSource([file('a', '1'), file('a', '2')])).toThrow(range);
  });
});

describe('a folder that was picked', () => {
  const fail = (name: string): Promise<never> => Promise.reject(new DOMException('no', name));
  const root: DirectoryHandle = {
    name: 'minicpm',
    getDirectoryHandle: (name) => (name === 'onnx' ? Promise.resolve({ ...root, name }) : fail('NotFoundError')),
    getFileHandle: (name) => {
      if (name === 'x.onnx') return Promise.resolve({ getFile: async () => new Blob(['graph']) });
      return fail(name === 'secret' ? 'NotAllowedError' : name === 'onnx' ? 'TypeMismatchError' : 'NotFoundError');
    },
  };

  it('gives its files, and says why others cannot be read', async () => {
    const source = new DirectoryHandleSource(root);
    expect(await contentOf(source, 'onnx/x.onnx')).toBe('graph');
    const reasons = { 'nowhere/x.onnx': /is missing/, onnx: /is not a file/, 'onnx/secret': /permission/ };
    for (const [path, reason] of Object.entries(reasons)) {
      const opening = source.open(path);
      await expect(opening).rejects.toMatchObject({ code: 'MODEL_FILE_MISSING', details: { path } });
      await expect(opening).rejects.toThrow(reason);
    }
  });
});
