// What several processes gain on one machine: `node bench/processes.js [rounds]`.
//
// --images N        training images of each run (256)
// --size N          side of the images in pixels (155)
// --precision NAME  auto, fp32 or bf16 (auto)
//
// Trains `base`, all of whose layers train, and computes the features of `finetune`, in so many processes of so many
// threads each; and sums gradients of the size of base's between two processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { interleave, median, printMachine, printTable, root } from './measure.js';

/** Processes and threads of each. */
const SHAPES = [
  [1, 1],
  [1, 2],
  [2, 1],
];
/** Number of base's gradients. */
const GRADIENTS = 6_964_106;
const SUMS = 40;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '256' },
    size: { type: 'string', default: '155' },
    precision: { type: 'string', default: 'auto' },
  },
});
const rounds = Number(positionals[0] ?? 3);
const common = ['--image-size', values.size, '--precision', values.precision, '--limit-train', values.images];

printMachine();
await compare(
  'Training of `base`',
  ['run', 'base', ...common, '--limit-valid', '10', '--epochs', '2'],
  (results) => ({
    imagesPerSecond: results.imagesPerSecond,
  }),
);
await compare(
  'Features of `finetune`',
  ['run', 'finetune', ...common, '--limit-valid', values.images, '--epochs', '1'],
  ({ seconds, dataset }) => ({ imagesPerSecond: (dataset.train + dataset.valid) / seconds.features }),
);
await printSums();

async function compare(title, args, measure) {
  const names = SHAPES.map(([processes, threads]) => `${processes} x ${threads}`);
  const candidates = SHAPES.map(([processes, threads], index) => [
    names[index],
    () => trained(processes, [...args, '--threads', String(threads)], measure),
  ]);
  const measured = await interleave(rounds, Object.fromEntries(candidates));
  console.log(`${title} at ${values.size} pixels, batch 128, ${rounds} rounds:\n`);
  const base = measured[names[0]];
  const rows = names.map((name) => {
    const runs = measured[name];
    const ratio = median(runs.map((run, round) => run.imagesPerSecond / base[round].imagesPerSecond));
    const speed = median(runs.map((run) => run.imagesPerSecond));
    const memory = median(runs.map((run) => run.peakMemory / 1e9));
    return [name, speed.toFixed(1), ratio.toFixed(2), `${memory.toFixed(2)} GB`];
  });
  printTable(['processes x threads', 'images/s', 'times 1 x 1', 'peak memory of a process'], rows);
  console.log('');
}

/** Runs a command in several processes; gives what `measure` makes of the results, and the most memory of a process. */
async function trained(processes, args, measure) {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  try {
    const command = ['--import', './bench/peak-memory.js', 'bin/torch-tl.js', ...args, '--out', out];
    const ended = await ranks(processes, command);
    const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
    return { ...measure(results), peakMemory: Math.max(...ended.map(({ memory }) => memory)) };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function printSums() {
  const modules = (path) => JSON.stringify(new URL(`../dist/${path}`, import.meta.url).href);
  const work = `
    import { loadEngine } from ${modules('engine/engine.js')};
    import { joinProcesses } from ${modules('distributed/join.js')};
    const processes = await joinProcesses(loadEngine(), process.env);
    const seconds = [];
    for (const count of [${GRADIENTS}, 8]) {
      const data = new Uint8Array(count * 4);
      const times = [];
      for (let i = 0; i < ${SUMS}; i++) {
        const started = performance.now();
        await processes.group.sum({ name: 'values', dtype: 'float32', shape: [count], data }).result;
        times.push(performance.now() - started);
      }
      seconds.push(times);
    }
    console.log(JSON.stringify(seconds));
    await processes.leave();`;
  const [{ stdout }] = await ranks(2, ['--input-type=module', '--eval', work]);
  const [large, small] = JSON.parse(stdout).map((times) => median(times));
  console.log(
    `Sums between 2 processes, medians of ${SUMS}: ${GRADIENTS} gradients ${large.toFixed(1)} ms, 8 numbers ${small.toFixed(2)} ms`,
  );
}

/** Runs Node in so many processes of one job, or in one that is part of none. */
async function ranks(size, args) {
  const port = await freePort();
  return Promise.all(
    Array.from({ length: size }, async (_, rank) => {
      const place = { RANK: rank, WORLD_SIZE: size, LOCAL_RANK: rank, LOCAL_WORLD_SIZE: size };
      const env = { ...process.env, ...place, MASTER_ADDR: '127.0.0.1', MASTER_PORT: port };
      const child = spawn(process.execPath, args, {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      });
      const [, stdout, stderr, memory] = child.stdio.map(textOf);
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`rank ${rank} failed: ${await stderr}`);
      return { stdout: await stdout, memory: Number(await memory) };
    }),
  );
}

async function textOf(stream) {
  let text = '';
  if (stream?.readable) for await (const piece of stream) text += piece;
  return text;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
