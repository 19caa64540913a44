import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/**
 * Where programs of this system keep what they can make again: `$XDG_CACHE_HOME/pocketlens`, else
 * `~/.cache/pocketlens`; on Windows `%LOCALAPPDATA%\pocketlens\cache`, on macOS `~/Library/Caches/pocketlens`.
 */
export function defaultCacheDirectory(
  platform: string = process.platform,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  home: string = homedir(),
): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  if (xdg !== undefined && xdg !== '') return join(xdg, 'pocketlens');
  if (platform === 'win32') return join(local ?? join(home, 'AppData', 'Local'), 'pocketlens', 'cache');
  return platform === 'darwin' ? join(home, 'Library', 'Caches', 'pocketlens') : join(home, '.cache', 'pocketlens');
}
