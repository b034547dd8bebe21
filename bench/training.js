// Training every layer against PyTorch written well: `node bench/training.js [rounds]`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleave, median, printTable, pytorch, TUNED_MALLOC, torchTl } from './measure.js';

const rounds = Number(process.argv[2] ?? 3);

/** The second epoch's, which has no first-step costs in it, as PyTorch's median step has none. */
function ours(imageSize, pictures) {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  try {
    const limits = ['--data', 'sample', '--limit-train', pictures, '--limit-valid', 10, '--epochs', 2];
    const args = ['run', 'base', '--image-size', imageSize, ...limits, '--out', out].map(String);
    return pictures / torchTl(args).epochs[1].seconds;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function theirs(imageSize, steps) {
  const args = ['--data', 'assets/cifar10-sample', '--image-size', imageSize, '--steps', steps].map(String);
  return pytorch('train.py', args, TUNED_MALLOC).images_per_second;
}

const rows = [
  [64, 640],
  [155, 256],
].map(([imageSize, pictures]) => {
  const measured = interleave(rounds, {
    ours: () => ours(imageSize, pictures),
    theirs: () => theirs(imageSize, pictures / 128),
  });
  const ratio = median(measured.ours.map((speed, round) => speed / measured.theirs[round]));
  return [
    `${imageSize} pixels`,
    median(measured.theirs).toFixed(1),
    median(measured.ours).toFixed(1),
    ratio.toFixed(2),
  ];
});
printTable(['`base`, images/s', 'PyTorch, written well', 'torch-tl', 'ratio'], rows);
