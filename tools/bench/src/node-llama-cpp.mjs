// llama.cpp through node-llama-cpp's prebuilt binaries: for machines where llama-cpp-python cannot be built.
import { getLlama, getModuleVersion } from 'node-llama-cpp';
import { measure, MemoryWatch, randomIds, readPeerOptions, timed } from './peer.mjs';

const options = readPeerOptions();
const positions = Math.max(512, ...options.prefill, ...options.decode.map((at) => at + options.newTokens + 2));
// Greedy, and past an end token: the weights are random.
const GREEDY = { temperature: 0, yieldEogToken: true };

let sequence;
let model;
let llama;
const load = await timed(async () => {
  llama = await getLlama({
    build: 'never',
    gpu: false,
    logLevel: 'disabled',
    progressLogs: false,
    maxThreads: options.threads,
  });
  model = await llama.loadModel({ modelPath: options.model });
  const context = await model.createContext({ contextSize: positions, threads: options.threads, batchSize: 2048 });
  sequence = context.getSequence();
});
const memory = new MemoryWatch();
const loaded = memory.look();
const vocabulary = model.fileInsights.ggufFileInfo?.metadata?.llama?.vocab_size ?? 128_256;

/** Reads ids and writes one token. */
async function read(ids) {
  for await (const token of sequence.evaluate(ids, GREEDY)) return token;
}

const prefill = [];
for (const tokens of options.prefill) {
  const ids = randomIds(tokens, vocabulary);
  const result = await measure(
    async () => {
      await sequence.clearHistory();
      await read(ids);
    },
    { count: options.rounds, seconds: options.seconds },
  );
  prefill.push({ tokens, ...result });
  memory.look();
}

const decode = [];
for (const context of options.decode) {
  await sequence.clearHistory();
  const tokens = sequence.evaluate(randomIds(context, vocabulary), GREEDY)[Symbol.asyncIterator]();
  await tokens.next();
  const result = await measure(() => tokens.next(), { count: options.newTokens, seconds: options.seconds });
  await tokens.return();
  decode.push({ context, ...result });
  memory.look();
}

const report = {
  version: `node-llama-cpp ${await getModuleVersion()}`,
  load,
  encode: [],
  prefill,
  decode,
  memory: memory.report(loaded),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await llama.dispose();
