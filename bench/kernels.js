// What the engine's own kernels gain over LibTorch's operators in a frozen backbone: `node bench/kernels.js [rounds]`.
import { interleave, median, printTable, torchTlRun } from './measure.js';

const rounds = Number(process.argv[2] ?? 3);
const VALID = 10;

/** Pictures a second through the frozen backbone, in fp32. */
function frozen(imageSize, pictures, kernels) {
  const sizes = ['--image-size', imageSize, '--limit-train', pictures - VALID, '--limit-valid', VALID];
  const args = ['finetune', '--data', 'sample', ...sizes, '--precision', 'fp32', '--epochs', 1];
  return torchTlRun(args, ({ seconds }) => pictures / seconds.features, { TORCH_TL_KERNELS: kernels });
}

const rows = [];
for (const [imageSize, pictures] of [
  [155, 512],
  [64, 2048],
]) {
  const { own, operators } = await interleave(rounds, {
    own: () => frozen(imageSize, pictures, 'on'),
    operators: () => frozen(imageSize, pictures, 'off'),
  });
  const ratio = median(own.map((speed, round) => speed / operators[round]));
  rows.push([`${imageSize} pixels`, median(operators).toFixed(1), median(own).toFixed(1), ratio.toFixed(2)]);
}
printTable(['frozen backbone, images/s', "LibTorch's operators", 'own kernels', 'ratio'], rows);
