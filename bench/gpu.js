// A GPU, ours against PyTorch, in one table: `node bench/gpu.js`. In turn, and twice: training of `base` and features of the
// frozen backbone in batches of 128 and 512, and the time of one image; images a second, and peak memory. Then, where `nsys`
// is found, the kernels of a recorded step by their share of the time. Flags:
//   --device cpu --image-size 32 --batches 4 --steps 2 --rounds 1   tries everything out without a GPU
//   --candidates ours,libtorch,eager,compiled   some of them; --data DIR   CIFAR-10's binary batches instead of the sample
//   --profile off   leaves the kernels out
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  interleave,
  listOf,
  median,
  printMachine,
  printTable,
  program,
  pytorch,
  root,
  torchTlRun,
} from './measure.js';

const CANDIDATES = {
  ours: 'torch-tl',
  libtorch: 'torch-tl --kernels libtorch',
  eager: 'PyTorch eager, bf16, channels_last',
  compiled: 'torch.compile, max-autotune',
};

const { values: flags } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    'image-size': { type: 'string', default: '155' },
    batches: { type: 'string', default: '128,512' },
    steps: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '2' },
    data: { type: 'string', default: 'sample' },
    candidates: { type: 'string', default: Object.keys(CANDIDATES).join() },
    profile: { type: 'string', default: 'on' },
  },
});
const batches = listOf(flags.batches).map(Number);
const steps = Number(flags.steps);
const names = listOf(flags.candidates, Object.keys(CANDIDATES));
const common = ['--device', flags.device, '--data', flags.data, '--image-size', flags['image-size']];

const settings = [
  ...['train', 'features'].flatMap((work) => batches.map((batch) => ({ work, batch }))),
  { work: 'latency', batch: 1 },
];
const nameOf = ({ work, batch }) => (work === 'latency' ? 'one image, ms' : `${work}, batch ${batch}`);

/** All settings of a candidate: by their names images a second (or milliseconds), and gigabytes. */
async function measured(name) {
  if (name === 'ours') return ours('auto');
  if (name === 'libtorch') return ours('libtorch');
  const args = [
    '--device',
    flags.device,
    '--image-size',
    flags['image-size'],
    '--steps',
    steps,
    '--batch-sizes',
    ...batches,
  ];
  const rows = pytorch('gpu.py', [...args, '--variants', name === 'eager' ? 'eager bf16' : 'compiled bf16'], {
    // The second round finds what the first one compiled.
    TORCHINDUCTOR_CACHE_DIR: join(tmpdir(), 'torch-tl-bench-inductor'),
  });
  return Object.fromEntries(
    rows.map((row) => [
      nameOf({ work: row.work, batch: row.batch_size }),
      {
        speed: row.work === 'latency' ? row.milliseconds : row.images_per_second,
        memory: row.peak_gigabytes,
      },
    ]),
  );
}

async function ours(kernels) {
  const results = {};
  for (const setting of settings) {
    const { result, memory } = await withMemory(() => speed(setting, kernels));
    results[nameOf(setting)] = { speed: result, memory };
  }
  return results;
}

/** Images a second, or for one image milliseconds. */
async function speed({ work, batch }, kernels) {
  if (work === 'latency') {
    const args = ['--device', flags.device, '--image-size', flags['image-size'], '--kernels', kernels];
    const { seconds } = program('predict.js', [...args, '--calls', steps]);
    return 1000 * median(seconds);
  }
  const args = [...common, '--kernels', kernels, '--batch-size', batch, '--limit-valid', 10];
  if (work === 'features') {
    const images = Math.min(2500, steps * batch);
    const use = ({ dataset, seconds }) => (dataset.train + dataset.valid) / seconds.features;
    return torchTlRun(['finetune', ...args, '--limit-train', images, '--epochs', 1], use);
  }
  const images = Math.min(2500, steps * batch);
  const use = ({ epochs }) => images / median(epochs.slice(1).map(({ seconds }) => seconds));
  return torchTlRun(['base', ...args, '--limit-train', images, '--epochs', 4], use);
}

/** What `run` gives, and the most memory that the GPU had meanwhile, in gigabytes; NaN without a GPU. */
async function withMemory(run) {
  if (flags.device === 'cpu') return { result: await run(), memory: Number.NaN };
  const directory = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  const log = openSync(join(directory, 'memory'), 'w');
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '-lms', '100'];
  const watcher = spawn('nvidia-smi', query, { stdio: ['ignore', log, 'ignore'] });
  watcher.on('error', () => {}); // then nothing is known of the memory
  try {
    const result = await run();
    const seen = readFileSync(join(directory, 'memory'), 'utf8').trim().split('\n').map(Number.parseFloat);
    return { result, memory: (Math.max(...seen) * 2 ** 20) / 1e9 };
  } finally {
    watcher.kill();
    closeSync(log);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints the kernels of training steps, most of which are recorded, by their share of the time. */
function profile(batch) {
  const directory = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  const trace = join(directory, 'trace');
  const limits = ['--limit-train', 10 * batch, '--limit-valid', 10, '--epochs', 3, '--batch-size', batch];
  const run = ['bin/torch-tl.js', 'run', 'base', ...common, ...limits, '--out', join(directory, 'run')];
  const call = (args) =>
    spawnSync('nsys', args.map(String), { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  try {
    const made = call(['profile', '--cuda-graph-trace=node', '-o', trace, process.execPath, ...run]);
    if (made.error || made.status !== 0)
      return console.log(`\nNo profile: ${made.error?.message ?? made.stderr}`);
    const stats = call(['stats', '--report', 'cuda_gpu_kern_sum', '--format', 'csv', `${trace}.nsys-rep`]);
    const rows = stats.stdout
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .slice(0, 25)
      .map((line) => {
        const cells = line.split(',');
        return [
          cells[0],
          cells[2],
          (Number(cells[3]) / 1000).toFixed(1),
          cells.slice(8).join(',').slice(0, 90),
        ];
      });
    console.log(`\nKernels of training in batches of ${batch}:\n`);
    printTable(['% of the time', 'launches', 'mean, microseconds', 'kernel'], rows);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const rounds = await interleave(
  Number(flags.rounds),
  Object.fromEntries(names.map((name) => [name, () => measured(name)])),
  (name) => name !== 'ours',
);
printMachine();
const present = names.filter((name) => name in rounds);
const values = (name, setting, key) => rounds[name].map((round) => round[nameOf(setting)][key]);
const shown = (number, digits) => (Number.isFinite(number) ? number.toFixed(digits) : 'not measured');
printTable(
  [`${flags['image-size']} pixels, images/s, peak memory`, ...present.map((name) => CANDIDATES[name])],
  settings.map((setting) => [
    nameOf(setting),
    ...present.map((name) => {
      const digits = setting.work === 'latency' ? 2 : 0;
      const speed = shown(median(values(name, setting, 'speed')), digits);
      return `${speed}, ${shown(median(values(name, setting, 'memory')), 1)} GB`.replace(
        'measured GB',
        'measured',
      );
    }),
  ]),
);
if (flags.profile === 'on' && flags.device !== 'cpu') for (const batch of batches) profile(batch);
