// A GPU, ours against PyTorch: `node bench/gpu.js [DATA] [rounds]`. DATA holds CIFAR-10's binary batches; the larger
// it is, the less of the time goes to the first batches' start.
import { interleave, median, printMachine, printTable, pytorch, torchTlRun } from './measure.js';

const [data = 'sample', rounds = '3'] = process.argv.slice(2);
const device = ['--device', 'cuda', '--data', data];

/** Images a second of `base`, the median of the epochs after the first. */
function trained(batchSize, env) {
  const images = 20 * batchSize;
  const limits = ['--limit-train', images, '--limit-valid', 10, '--epochs', 4, '--batch-size', batchSize];
  const use = ({ epochs }) => images / median(epochs.slice(1).map(({ seconds }) => seconds));
  return torchTlRun(['base', ...device, ...limits], use, env);
}

/** Images a second through the frozen backbone. */
function frozen(batchSize, env) {
  const use = ({ dataset, seconds }) => (dataset.train + dataset.valid) / seconds.features;
  return torchTlRun(['finetune', ...device, '--epochs', 1, '--batch-size', batchSize], use, env);
}

const rows = [];
for (const [work, ours] of [
  ['train', trained],
  ['features', frozen],
]) {
  for (const batchSize of [128, 512]) {
    const args = ['--work', work, '--batch-size', String(batchSize), '--variants'];
    const theirs = (variant) => pytorch('gpu.py', [...args, variant])[0].images_per_second;
    const measured = await interleave(Number(rounds), {
      fp32: () => theirs('eager fp32'),
      bf16: () => theirs('eager bf16'),
      ours: () => ours(batchSize),
    });
    const ratio = median(measured.ours.map((speed, round) => speed / measured.bf16[round]));
    rows.push([
      `${work}, batch ${batchSize}`,
      ...Object.values(measured).map((values) => median(values).toFixed(0)),
      ratio.toFixed(2),
    ]);
  }
}
printMachine();
printTable(
  [
    'images/s at 155 pixels',
    'PyTorch eager fp32',
    'PyTorch eager bf16, channels_last',
    'torch-tl bf16',
    'ratio',
  ],
  rows,
);
