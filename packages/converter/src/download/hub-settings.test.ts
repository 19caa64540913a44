import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hubSettings, storedToken } from './hub-settings.js';

describe('hubSettings', () => {
  it('has the usual defaults', () => {
    expect(hubSettings({})).toEqual({
      endpoint: 'https://huggingface.co',
      cacheDirectory: join(homedir(), '.cache', 'huggingface', 'hub'),
      isOffline: false,
    });
  });

  it('follows the variables in the order of huggingface_hub', () => {
    const cache = (env: Record<string, string>): string => hubSettings(env).cacheDirectory;
    expect(cache({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
    expect(cache({ XDG_CACHE_HOME: '/x', HF_HOME: '/h' })).toBe('/h/hub');
    expect(cache({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' })).toBe('/old');
    expect(cache({ HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '~/new' })).toBe(join(homedir(), 'new'));
    expect(hubSettings({ HF_ENDPOINT: 'https://mirror/' }).endpoint).toBe('https://mirror');
    expect(hubSettings({ HF_HUB_OFFLINE: 'yes' }).isOffline).toBe(true);
    expect(hubSettings({ TRANSFORMERS_OFFLINE: '1' }).isOffline).toBe(true);
    expect(hubSettings({ HF_HUB_OFFLINE: '0' }).isOffline).toBe(false);
  });
});

describe('storedToken', () => {
  it('comes from the variable, else from the file of the login', async () => {
    const home = await mkdtemp(join(tmpdir(), 'pocketlens-home-'));
    expect(await storedToken({ HF_HOME: home })).toBeUndefined();
    await writeFile(join(home, 'token'), 'stored\n');
    expect(await storedToken({ HF_HOME: home })).toBe('stored');
    expect(await storedToken({ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
    expect(await storedToken({ HF_HOME: home, HF_TOKEN: 'given' })).toBe('given');
    await rm(home, { recursive: true });
  });
});
