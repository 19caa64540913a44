import type { WorkerEvent } from '@pocketlens/evaluation-queue';
import { Command, Option } from 'commander';
import { describeModel } from '../eval/describe-model.js';
import { describeConnection, identityOf, QUEUE, queueAddress, queueEncryptionNote } from '../eval/queue-options.js';
import { createEvaluationProgress } from '../eval/run-progress.js';
import { type CliIo, write, writeJson } from '../io.js';
import { integer } from '../options.js';
import { addProviderOptions, openAnsweringModel, type ProviderOptions } from '../provider-options.js';

interface WorkerOptions extends ProviderOptions {
  readonly queue: string;
  readonly concurrency: number;
  readonly lock: number;
  readonly idle?: number;
  readonly json?: true;
}

async function work(options: WorkerOptions, io: CliIo): Promise<void> {
  const { runWorker } = await import('@pocketlens/evaluation-queue');
  const described = await describeModel(options);
  const url = queueAddress(options.queue, io);
  const progress = createEvaluationProgress(io);
  let model: Awaited<ReturnType<typeof openAnsweringModel>> | undefined;
  const onEvent = (event: WorkerEvent): void => {
    if (event.type === 'outcome') return progress.update(describeWork(event), 0);
    progress.clear();
    io.stderr.write(describe(event, described.name, url));
  };
  try {
    const summary = await runWorker({
      url,
      // Opened when the queue is there: loading takes long.
      model: async () => (model = await openAnsweringModel(options, io)),
      identity: identityOf(described),
      concurrency: options.concurrency,
      lockMs: options.lock * 1000,
      ...(options.idle === undefined ? {} : { idleMs: options.idle * 1000 }),
      signal: io.signal,
      onEvent,
    });
    progress.clear();
    if (options.json === true) return await writeJson(io.stdout, summary);
    await write(io.stdout, `${summary.answered} answered, ${summary.failed} failed\n`);
  } finally {
    progress.clear();
    await model?.dispose();
  }
}

function describeWork({ answered, failed }: WorkerEvent & { type: 'outcome' }): string {
  return failed === 0 ? `${answered} answered` : `${answered} answered  ${failed} failed`;
}

function describe(event: Exclude<WorkerEvent, { type: 'outcome' }>, model: string, url: string): string {
  if (event.type === 'ready') {
    return `note: answering for ${model}, questions come from ${event.host}${queueEncryptionNote(url)}\n`;
  }
  if (event.type === 'other-models') {
    const others = event.models.join('; ');
    return `warning: runs wait for other models, which this worker does not have: ${others}\n`;
  }
  return describeConnection(event);
}

/** `pocketlens worker`: answers the questions of `eval run --queue`. */
export function workerCommand(io: CliIo): Command {
  const command = new Command('worker')
    .description('answer the questions of `eval run --queue`; may be started, stopped and killed at any time')
    .requiredOption('--queue <url>', QUEUE)
    .addOption(new Option('--concurrency <n>', 'samples to ask at once').argParser(integer(1, 1024)).default(1))
    .addOption(
      new Option('--lock <s>', 'silence after which others get what this worker had in work')
        .argParser(integer(1, 3600))
        .default(30),
    )
    .addOption(
      new Option('--idle <s>', 'end after so long without work (default: wait for the next run)').argParser(
        integer(1, 1e6),
      ),
    )
    .option('--json', 'print {answered, failed} as JSON at the end');
  return addProviderOptions(command).action((options: WorkerOptions) => work(options, io));
}
