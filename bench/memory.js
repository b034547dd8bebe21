// What the engine's allocator gains over malloc: `node bench/memory.js [rounds]`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interleave, median, printTable, torchTl } from './measure.js';

const rounds = Number(process.argv[2] ?? 3);

function run(args, allocator) {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
  try {
    const env = allocator === 'system' ? { TORCH_TL_ALLOCATOR: 'system' } : {};
    return torchTl(['run', ...args, '--data', 'sample', '--limit-valid', '10', '--out', out], env);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function frozen(allocator) {
  const args = ['finetune', '--limit-train', '246', '--epochs', '1'];
  return 256 / run(args, allocator).seconds.features;
}

/** The second epoch's, by when whatever can be reused has been allocated once. */
function training(allocator) {
  const args = ['base', '--image-size', '64', '--limit-train', '640', '--epochs', '2'];
  return 640 / run(args, allocator).epochs[1].seconds;
}

const rows = [
  ['frozen backbone, 155 pixels', frozen],
  ['training `base`, 64 pixels', training],
].map(([name, measure]) => {
  const { cached, system } = interleave(rounds, {
    cached: () => measure('cached'),
    system: () => measure('system'),
  });
  const ratio = median(cached.map((speed, round) => speed / system[round]));
  return [name, median(system).toFixed(1), median(cached).toFixed(1), ratio.toFixed(2)];
});
printTable(['images/s', 'malloc', 'reused blocks', 'ratio'], rows);
