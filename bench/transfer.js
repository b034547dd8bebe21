// What transfer learning saves: `node bench/transfer.js RUNS [--data DIR] [--image-size PIXELS] [--epochs N]`, on the
// embedded sample at 155 pixels by default. The runs lie in the directory RUNS, and those that were stopped go on: the
// command may be repeated until it ends. The number of epochs (2) is for the experiments that train every layer, whose
// epochs take minutes.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mean, median, printMachine, printTable } from './measure.js';

const SEEDS = [0, 1, 2];
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: 'sample' },
    'image-size': { type: 'string', default: '155' },
    epochs: { type: 'string', default: '2' },
  },
});
const [directory] = positionals;
const { epochs } = given;
if (!directory)
  throw new Error('usage: node bench/transfer.js RUNS [--data DIR] [--image-size PIXELS] [--epochs N]');
const images = ['--data', given.data, '--image-size', given['image-size']];

const recipe = fileURLToPath(new URL('recipes/head-then-denseblock4.json', import.meta.url));
const experiments = {
  'finetune (frozen)': ['finetune'],
  'finetune, then denseblock4': ['finetune', '--recipe', recipe],
  'base-optimized': ['base-optimized', '--epochs', epochs],
  base: ['base', '--epochs', epochs],
};

const root = fileURLToPath(new URL('..', import.meta.url));

/** The results of a run, which goes on where an earlier one was stopped. */
function run(name, args, seed) {
  const out = join(resolve(directory), `${name.replace(/\W+/g, '-')}-${seed}`);
  const command = ['bin/torch-tl.js', 'run', ...args, ...images, '--seed', seed, '--out', out];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'inherit'] };
  const { status, stdout } = spawnSync(
    process.execPath,
    [...command.map(String), '--resume', '--json'],
    options,
  );
  if (status !== 0) throw new Error(`${name}, seed ${seed}: exit code ${status}`);
  return JSON.parse(stdout);
}

const percent = (fraction) => `${(100 * fraction).toFixed(1)} %`;
const outcomes = {};
for (const seed of SEEDS) {
  for (const [name, args] of Object.entries(experiments)) {
    outcomes[name] ??= [];
    outcomes[name].push(run(name, args, seed));
  }
}

const rows = Object.entries(outcomes).map(([name, runs]) => [
  name,
  runs.map(({ epochs }) => epochs.length).join(', '),
  runs.map(({ best }) => percent(best.validAccuracy)).join(', '),
  percent(mean(runs.map(({ best }) => best.validAccuracy))),
  mean(runs.map(({ best }) => best.validLoss)).toFixed(3),
  median(runs.map(({ seconds }) => seconds.total)).toFixed(0),
]);
printMachine();
printTable(['experiment', 'epochs', 'best accuracy', 'mean', 'loss', 'seconds, median'], rows);
const [frozen, whole] = ['finetune (frozen)', 'base-optimized'].map((name) => ({
  accuracy: mean(outcomes[name].map(({ best }) => best.validAccuracy)),
  seconds: median(outcomes[name].map(({ seconds }) => seconds.total)),
}));
console.log(
  `\nThe frozen backbone gives ${percent(frozen.accuracy / whole.accuracy)} of base-optimized's accuracy ` +
    `in ${percent(frozen.seconds / whole.seconds)} of its time.`,
);
