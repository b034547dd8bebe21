// What bf16 costs in accuracy, paired by seed: `node bench/precision.js DIR`, a directory of CIFAR-10's binary
// batches, of which 2,500 training and 1,000 test images are used.
import { join } from 'node:path';
import { Dataset, DenseNet121 } from '../dist/index.js';
import { mean, printMachine, printTable, torchTlRun } from './measure.js';

const LIMITS = { train: 2500, valid: 1000 };
const directory = process.argv[2];
if (!directory) throw new Error('usage: node bench/precision.js DIR');
const { train, valid } = await Dataset.cifar10(directory, LIMITS);
train.dispose();

/** Trains, then asks the best epoch's model for its answers in the same precision. */
function measure(precision, seed) {
  const limits = ['--limit-train', LIMITS.train, '--limit-valid', LIMITS.valid];
  const args = ['finetune', '--data', directory, ...limits, '--precision', precision, '--seed', seed];
  return torchTlRun(args, async ({ best }, out) => {
    const model = await DenseNet121.load(join(out, 'best.safetensors'), { device: 'cpu' });
    const { shape, data } = await model.logits(valid, { precision });
    model.dispose();
    const answers = Array.from({ length: shape[0] }, (_, image) => answer(data, image));
    return { accuracy: best.validAccuracy, answers };
  });
}

/** The index of the largest of an image's ten logits. */
function answer(logits, image) {
  const row = logits.subarray(image * 10, image * 10 + 10);
  return row.indexOf(Math.max(...row));
}

const rows = [];
const costs = [];
for (const seed of [0, 1, 2]) {
  const fp32 = await measure('fp32', seed);
  const bf16 = await measure('bf16', seed);
  const flipped = fp32.answers.filter((answer, i) => answer !== bf16.answers[i]).length / valid.count;
  costs.push(bf16.accuracy - fp32.accuracy);
  rows.push([
    seed,
    ...[fp32.accuracy, bf16.accuracy, costs.at(-1), flipped].map((x) => `${(100 * x).toFixed(1)} %`),
  ]);
  console.error(rows.at(-1).join('  '));
}
printMachine();
printTable(['seed', 'fp32', 'bf16', 'difference', 'answers that differ'], rows);
console.log(`\nMean difference: ${(100 * mean(costs)).toFixed(2)} points.`);
