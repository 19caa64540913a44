import { download, type DownloadProgress, type DownloadResult } from '@pocketlens/converter';
import { Command } from 'commander';
import { formatBytes, formatDuration } from '../format.js';
import { type CliIo, write, writeJson } from '../io.js';
import { integer } from '../options.js';
import { createProgress } from '../progress.js';
import { createProxyFetch } from '../proxy-fetch.js';

interface PullOptions {
  readonly revision?: string;
  readonly endpoint?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly cache?: string;
  readonly target?: string;
  readonly parallel?: number;
  readonly verify?: true;
  readonly allowHttp?: true;
  readonly json?: true;
}

const HELP = `
Patterns: * stands for any characters, / too; ? for one; quote them for the shell.

Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to huggingface_hub.
HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are respected.
An interrupted download goes on where it was when the same command is run again.

Examples:
  pocketlens pull openbmb/MiniCPM-Llama3-V-2_5
  pocketlens pull org/model --include "*.json" "*.safetensors" --cache /data/models
  pocketlens convert "$(pocketlens pull openbmb/MiniCPM-Llama3-V-2_5)" ./model`;

/** One line: what has come, how fast, how long it will take. */
function progressLine({
  bytesDone,
  bytesTotal,
  bytesPerSecond,
  secondsLeft,
  file,
  isShared,
}: DownloadProgress): string {
  const rate = bytesPerSecond > 0 ? `  ${formatBytes(bytesPerSecond)}/s` : '';
  const left = secondsLeft === undefined || secondsLeft === 0 ? '' : `  ${formatDuration(secondsLeft)} left`;
  const who = isShared ? ' (another process)' : '';
  return `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}${rate}${left}  ${file}${who}`;
}

function summary({ repository, commit, files, bytesReceived }: DownloadResult): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const received = bytesReceived === 0 ? 'all of it was here' : `${formatBytes(bytesReceived)} received`;
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return `${repository} at ${commit.slice(0, 12)}: ${count}, ${formatBytes(bytes)}, ${received}`;
}

async function run(repository: string, options: PullOptions, io: CliIo): Promise<void> {
  const { revision, endpoint, include, exclude, cache, target, parallel, verify, allowHttp, json } = options;
  const proxy = await createProxyFetch(io.env);
  const progress = createProgress(io);
  try {
    const result = await download({
      repository,
      revision,
      endpoint,
      include,
      exclude,
      cacheDirectory: cache,
      target,
      concurrency: parallel,
      verify,
      allowHttp,
      fetch: proxy?.fetch,
      env: io.env,
      signal: io.signal,
      onProgress: (event) =>
        progress.update(progressLine(event), event.bytesTotal === 0 ? 1 : event.bytesDone / event.bytesTotal),
    });
    progress.clear();
    if (json === true) return await writeJson(io.stdout, result);
    io.stderr.write(`${summary(result)}\n`);
    await write(io.stdout, `${result.directory}\n`);
  } finally {
    progress.clear();
    await proxy?.close();
  }
}

/** `pocketlens pull`: the files of a model repository into the Hugging Face cache. */
export function pullCommand(io: CliIo): Command {
  return new Command('pull')
    .description('download a model repository into the Hugging Face cache and print where it is')
    .argument('<repository>', 'as ORGANISATION/NAME')
    .option('--revision <name>', 'branch, tag or commit (default: main)')
    .option('--endpoint <url>', 'hub or mirror to ask (default: HF_ENDPOINT, or https://huggingface.co)')
    .option('--include <glob...>', 'take only files that match one of these patterns')
    .option('--exclude <glob...>', 'leave out files that match one of these patterns')
    .option('--cache <dir>', 'cache directory (default: HF_HUB_CACHE, or ~/.cache/huggingface/hub)')
    .option('--target <dir>', 'put the files into a directory of their own as well')
    .option('--parallel <n>', 'files fetched at the same time (default: 4)', integer(1, 16))
    .option('--verify', 'read the cached files again and compare their hashes')
    .option('--allow-http', 'allow plain http to hosts outside this network')
    .option('--json', 'print {repository, revision, commit, directory, files, bytesReceived} as JSON')
    .addHelpText('after', HELP)
    .action((repository: string, options: PullOptions) => run(repository, options, io));
}
