// What transfer learning saves: `node bench/transfer.js RUNS [EPOCHS]` on the embedded sample at 155 pixels. The
// runs lie in the directory RUNS, and those that were stopped go on: the command may be repeated until it ends.
// EPOCHS (2) is for the experiments that train every layer, whose epochs take minutes.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mean, median, printMachine, printTable } from './measure.js';

const SEEDS = [0, 1, 2];
const [directory, epochs = '2'] = process.argv.slice(2);
if (!directory) throw new Error('usage: node bench/transfer.js RUNS [EPOCHS]');

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
  const command = ['bin/torch-tl.js', 'run', ...args, '--data', 'sample', '--seed', seed, '--out', out];
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
