// What the engine's allocator gains over malloc: `node bench/memory.js [rounds]`.
import { interleave, median, printMachine, printTable, torchTlRun } from './measure.js';

const rounds = Number(process.argv[2] ?? 3);

function run(args, allocator, use) {
  const env = allocator === 'system' ? { TORCH_TL_ALLOCATOR: 'system' } : {};
  return torchTlRun([...args, '--data', 'sample', '--limit-valid', 10], use, env);
}

function frozen(allocator) {
  const args = ['finetune', '--limit-train', 246, '--epochs', 1];
  return run(args, allocator, ({ seconds }) => 256 / seconds.features);
}

/** The second epoch's, by when whatever can be reused has been allocated once. */
function training(allocator) {
  const args = ['base', '--image-size', 64, '--limit-train', 640, '--epochs', 2];
  return run(args, allocator, ({ epochs }) => 640 / epochs[1].seconds);
}

const rows = [];
for (const [name, measure] of [
  ['frozen backbone, 155 pixels', frozen],
  ['training `base`, 64 pixels', training],
]) {
  const { cached, system } = await interleave(rounds, {
    cached: () => measure('cached'),
    system: () => measure('system'),
  });
  const ratio = median(cached.map((speed, round) => speed / system[round]));
  rows.push([name, median(system).toFixed(1), median(cached).toFixed(1), ratio.toFixed(2)]);
}
printMachine();
printTable(['images/s', 'malloc', 'reused blocks', 'ratio'], rows);
