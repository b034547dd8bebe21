// Memory that DenseNet-121 moves on a GPU, and kernels that it launches, from the shapes alone: `node bench/traffic.js
// [--image-size 155]`. Maps are bf16; each operation reads its inputs and writes its output once. Weights, which all images of
// a batch share, count in a step of training: their gradients and Adam's state. The predicted speed takes 70 % of a GPU's
// bandwidth, and the time in which a recorded graph starts a kernel for those too small to fill it.
import { parseArgs } from 'node:util';
import { printTable } from './measure.js';

const { values } = parseArgs({ options: { 'image-size': { type: 'string', default: '155' } } });
const SIZE = Number(values['image-size']);

const BYTES = 2;
const GROWTH = 32;
const BOTTLENECK = 4 * GROWTH;
const PARAMETERS = 6_953_856;
/** Bytes that a step moves for each parameter: a bf16 copy of the weight, its gradient's float32 form, and Adam's state. */
const STEP_BYTES = 6 + 6 + 28;
const EFFICIENCY = 0.7;
const SECONDS_A_LAUNCH = 2.5e-6;
const GPUS = { 'H100, 3.35 TB/s': 3.35e12, 'H200, 4.8 TB/s': 4.8e12 };

const half = (side) => Math.ceil(side / 2);

/** An operation on maps of `side`: how many channels it reads and writes, and how many kernels it launches. */
const op = (side, reads, writes, launches = 1) => ({ elements: side * side * (reads + writes), launches });

/** What LibTorch's operators do, one after the other. */
const modules = {
  stem: (input, side, pooled) => ({
    forward: [
      op(input, 3, 0, 0),
      op(side, 0, 64),
      ...norm(side, 64),
      op(side, 64, 64), // ReLU
      op(side, 64, 0, 0),
      op(pooled, 0, 128), // maxima and, for the gradient, their places
    ],
    backward: [
      op(pooled, 128, 0, 0),
      op(side, 0, 64),
      ...reluGradient(side, 64),
      ...normGradient(side, 64),
      op(side, 64, 0),
      op(input, 3, 0, 0),
    ],
  }),
  layer: (side, channels) => ({
    forward: [
      op(side, channels, channels), // concatenation
      ...norm(side, channels),
      op(side, channels, channels),
      op(side, channels, BOTTLENECK), // conv1
      ...norm(side, BOTTLENECK),
      op(side, BOTTLENECK, BOTTLENECK),
      op(side, BOTTLENECK, GROWTH), // conv2
    ],
    backward: [
      op(side, GROWTH, BOTTLENECK), // conv2: its input's gradient, its weight's
      op(side, GROWTH + BOTTLENECK, 0),
      ...reluGradient(side, BOTTLENECK),
      ...normGradient(side, BOTTLENECK),
      op(side, BOTTLENECK, channels), // conv1
      op(side, BOTTLENECK + channels, 0),
      ...reluGradient(side, channels),
      ...normGradient(side, channels),
      op(side, 2 * channels, channels), // adds to the gradients of the maps that were concatenated
    ],
  }),
  blockBegin: () => ({ forward: [], backward: [] }),
  /** The concatenation of a block's maps, and the gradient's parts. */
  blockEnd: (side, channels) => ({
    forward: [op(side, channels, channels)],
    backward: [op(side, 2 * channels, channels)],
  }),
  transition: (side, channels, pooled) => ({
    forward: [
      ...norm(side, channels),
      op(side, channels, channels),
      op(side, channels, channels / 2),
      op(side, channels / 2, 0, 0),
      op(pooled, 0, channels / 2),
    ],
    backward: [
      op(pooled, channels / 2, 0, 0),
      op(side, 0, channels / 2),
      op(side, channels / 2, channels),
      op(side, (3 * channels) / 2, 0),
      ...reluGradient(side, channels),
      ...normGradient(side, channels),
    ],
  }),
};

function norm(side, channels) {
  return [op(side, channels, 0), op(side, channels, channels)];
}
function reluGradient(side, channels) {
  return [op(side, 2 * channels, channels)];
}
function normGradient(side, channels) {
  return [op(side, 2 * channels, 0), op(side, 2 * channels, channels)];
}

/**
 * native/gpu: one buffer a block; moments once a channel, with a second kernel that adds what the blocks have; norm and ReLU,
 * and their gradients, in one pass. Weights are packed, norms prepared, and a weight's gradient widened by kernels that
 * move nothing of an image.
 */
const small = op(0, 0, 0);
const executor = {
  stem: (input, side, pooled) => ({
    forward: [
      small, // pack
      op(input, 3, 0, 0),
      op(side, 0, 64),
      op(side, 64, 0, 2), // moments
      small, // norm
      op(side, 64, 0, 0),
      op(pooled, 0, 1.5 * 64), // norm, ReLU and pool, and the maxima's places of a byte
    ],
    backward: [
      op(pooled, 1.5 * 64, 0, 0),
      op(side, 64, 0, 2), // of pool, ReLU and norm: sums
      op(pooled, 1.5 * 64, 0, 0),
      op(side, 64, 64), // and the gradient
      op(side, 64, 0),
      op(input, 3, 0, 0),
      small,
    ],
  }),
  blockBegin: (side, channels) => ({
    forward: [small, op(side, channels, channels, 2)], // pack; the input, placed in the buffer, and its moments
    backward: [op(side, 2 * channels, channels)], // the part of its gradient through the moments
  }),
  layer: (side, channels) => ({
    forward: [
      small,
      op(side, channels, channels), // norm1 and ReLU
      op(side, channels, BOTTLENECK),
      op(side, BOTTLENECK, 0, 2), // moments
      small,
      op(side, BOTTLENECK, BOTTLENECK), // norm2 and ReLU
      op(side, BOTTLENECK, GROWTH),
      op(side, GROWTH, GROWTH, 2), // the new channels, placed in the buffer, and their moments
    ],
    backward: [
      op(side, BOTTLENECK, BOTTLENECK), // norm2 and ReLU again
      op(side, 2 * GROWTH, GROWTH), // the part of the gradient through the moments, once for all norms
      op(side, GROWTH, BOTTLENECK),
      op(side, GROWTH + BOTTLENECK, 0),
      small,
      op(side, 2 * BOTTLENECK, 0, 2), // norm2 and ReLU: sums
      op(side, 2 * BOTTLENECK, BOTTLENECK),
      op(side, channels, channels), // norm1 and ReLU again
      op(side, BOTTLENECK + channels, 0),
      op(side, BOTTLENECK, channels),
      op(side, 3 * channels, channels, 2), // norm1 and ReLU, their sums, added to the buffer's gradient
    ],
  }),
  blockEnd: (side, channels) => ({
    forward: [],
    backward: [op(side, channels, channels)], // the gradient, copied to be added to
  }),
  transition: (side, channels, pooled) => ({
    forward: [
      small,
      small,
      op(side, channels, 0, 0),
      op(pooled, 0, channels), // norm, ReLU and pool
      op(pooled, channels, channels / 2),
    ],
    backward: [
      op(pooled, (3 * channels) / 2, 0),
      op(pooled, channels / 2, channels),
      op(pooled, channels, 0, 0),
      op(side, channels, channels, 2), // of pool, ReLU and norm, and their sums
    ],
  }),
};

/** Elements of an image and kernels of a batch, of a whole pass. */
function passes(way) {
  const stem = half(SIZE);
  let side = half(stem);
  const parts = [way.stem(SIZE, stem, side)];
  let channels = 64;
  for (const [block, layers] of [6, 12, 24, 16].entries()) {
    parts.push(way.blockBegin(side, channels));
    for (let layer = 0; layer < layers; layer++) {
      parts.push(way.layer(side, channels));
      channels += GROWTH;
    }
    parts.push(way.blockEnd(side, channels));
    if (block === 3) break;
    const pooled = Math.floor(side / 2);
    parts.push(way.transition(side, channels, pooled));
    [side, channels] = [pooled, channels / 2];
  }
  const sum = (direction) => {
    const operations = parts.flatMap((part) => part[direction]);
    return {
      bytes: BYTES * operations.reduce((total, { elements }) => total + elements, 0),
      launches: operations.reduce((total, { launches }) => total + launches, 0),
    };
  };
  return { forward: sum('forward'), backward: sum('backward') };
}

const ways = { modules: passes(modules), executor: passes(executor) };
const megabytes = (bytes) => (bytes / 1e6).toFixed(0);

console.log(`Training at ${SIZE} pixels, bf16: memory moved an image, and kernels a batch.\n`);
printTable(
  ['', 'forward, MB', 'backward, MB', 'both, MB', 'forward, kernels', 'backward, kernels'],
  Object.entries(ways).map(([name, { forward, backward }]) => [
    name,
    megabytes(forward.bytes),
    megabytes(backward.bytes),
    megabytes(forward.bytes + backward.bytes),
    forward.launches,
    backward.launches,
  ]),
);

console.log('\nPredicted training, images/s:\n');
printTable(
  ['', 'batch', ...Object.keys(GPUS)],
  Object.entries(ways).flatMap(([name, { forward, backward }]) =>
    [128, 512].map((batch) => [
      name,
      batch,
      ...Object.values(GPUS).map((bandwidth) => {
        const bytes = batch * (forward.bytes + backward.bytes) + PARAMETERS * STEP_BYTES;
        const seconds =
          bytes / (EFFICIENCY * bandwidth) + SECONDS_A_LAUNCH * (forward.launches + backward.launches);
        return Math.round(batch / seconds).toLocaleString('en');
      }),
    ]),
  ),
);
