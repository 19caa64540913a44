/** `org/name`, and no path such as `./model` or `../org`. */
const REPOSITORY = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * The folder of a repository's `main` branch in the Hugging Face cache, where `pocketlens pull` or another program has put
 * it; nothing when it is not there.
 *
 * @source huggingface_hub, `constants.py` and `file_download.py`
 */
export async function cachedModel(name: string): Promise<string | undefined> {
  if (!REPOSITORY.test(name) || name.includes('..') || name.includes('--')) return undefined;
  const { readFile, stat } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const folder = join(await cacheDirectory(), ['models', ...name.split('/')].join('--'));
  const commit = (await readFile(join(folder, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  if (!COMMIT.test(commit)) return undefined;
  const directory = join(folder, 'snapshots', commit);
  const status = await stat(directory).catch(() => undefined);
  return status?.isDirectory() === true ? directory : undefined;
}

async function cacheDirectory(): Promise<string> {
  const { homedir } = await import('node:os');
  const { join } = await import('node:path');
  const { env } = await import('node:process');
  const given = env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'];
  const home = env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface');
  return (given || join(home, 'hub')).replace(/^~(?=$|[\\/])/, homedir());
}
