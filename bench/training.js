// Training every layer against PyTorch written well: `node bench/training.js [rounds]`.
import { interleave, median, printTable, pytorch, TUNED_MALLOC, torchTlRun } from './measure.js';

const rounds = Number(process.argv[2] ?? 3);

/** The second epoch's, which has no first-step costs in it, as PyTorch's median step has none. */
function ours(imageSize, pictures) {
  const limits = ['--data', 'sample', '--limit-train', pictures, '--limit-valid', 10, '--epochs', 2];
  return torchTlRun(
    ['base', '--image-size', imageSize, ...limits],
    ({ epochs }) => pictures / epochs[1].seconds,
  );
}

function theirs(imageSize, steps) {
  const args = ['--data', 'assets/cifar10-sample', '--image-size', imageSize, '--steps', steps].map(String);
  return pytorch('train.py', args, TUNED_MALLOC).images_per_second;
}

const rows = [];
for (const [imageSize, pictures] of [
  [64, 640],
  [155, 256],
]) {
  const measured = await interleave(rounds, {
    ours: () => ours(imageSize, pictures),
    theirs: () => theirs(imageSize, pictures / 128),
  });
  const ratio = median(measured.ours.map((speed, round) => speed / measured.theirs[round]));
  rows.push([
    `${imageSize} pixels`,
    median(measured.theirs).toFixed(1),
    median(measured.ours).toFixed(1),
    ratio.toFixed(2),
  ]);
}
printTable(['`base`, images/s', 'PyTorch, written well', 'torch-tl', 'ratio'], rows);
