// torch-tl against PyTorch, torch.compile and ONNX Runtime on a processor, in turn: `node bench/compare.js [rounds]`.
//
// --parts LIST       of features, training and finetune (all)
// --sizes LIST       sides of the images in pixels, of the first two parts (155,64)
// --candidates LIST  whom to compare, by the keys of NAMES in candidates.js (all)
// --precision NAME   auto, fp32 or bf16: of torch-tl and of what is tuned (auto)
// --threads N        of everyone (one a core)
// --images N       so many instead of enough, up to 128 or a multiple of it, to try things out
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { enoughImages, finetune, flagsOf, frozen, NAMES, training } from './candidates.js';
import { interleave, listOf, median, memoryOf, printMachine, printTable, pytorch } from './measure.js';
import { forwardOperations } from './network.js';

const OURS = NAMES.ours;
const PEAK = 'peak';
const FASTER = 'torch-tl is so many times as fast';

const parts = {
  features: () => compareSizes('Features of the frozen backbone', frozen, 1),
  // The backward pass computes two products for each of the forward pass's: gradients of inputs and of weights.
  training: () => compareSizes('Training `base`', training, 3),
  finetune: compareFinetune,
};
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: 'string', default: Object.keys(parts).join() },
    sizes: { type: 'string', default: '155,64' },
    candidates: { type: 'string', default: Object.keys(NAMES).join() },
    precision: { type: 'string', default: 'auto' },
    threads: { type: 'string', default: String(availableParallelism()) },
    images: { type: 'string' },
  },
});
const rounds = Number(positionals[0] ?? 3);
const sizes = listOf(values.sizes).map(Number);
const chosen = new Set(['ours', ...listOf(values.candidates, Object.keys(NAMES))]);
const { precision, threads } = values;
const limit = values.images && Number(values.images);

printMachine();
for (const part of listOf(values.parts, Object.keys(parts))) await parts[part]();

async function compareSizes(work, candidates, products) {
  for (const imageSize of sizes) {
    const batchSize = Math.min(128, limit ?? 128);
    const images = limit ?? enoughImages({ imageSize, batchSize }, products);
    const settings = { imageSize, batchSize, images };
    const { [PEAK]: peaks, ...measured } = await measure(candidates, settings, { [PEAK]: peak });
    console.log(
      `${work} at ${imageSize} pixels, batch ${batchSize}, ${threads} threads, ${rounds} rounds:\n`,
    );
    printSpeeds(measured, peaks, products * forwardOperations(imageSize));
  }
}

/**
 * @param peaks undefined where they could not be measured
 * @param operations that an image takes
 */
function printSpeeds(measured, peaks, operations) {
  printTable(
    ['', 'library', 'images/s', FASTER, "share of the processor's peak", 'peak memory'],
    Object.entries(measured).map(([name, runs]) => [
      name,
      libraryOf(runs),
      median(runs.map((run) => run.imagesPerSecond)).toFixed(1),
      ratio(measured[OURS], runs, (run) => run.imagesPerSecond),
      shareOf(peaks, runs, operations),
      memoryOf(runs),
    ]),
  );
  console.log(peaks ? `\n${peakText(peaks)}\n` : '');
}

async function compareFinetune() {
  const measured = await measure(finetune, { limit });
  console.log(
    `The main job, \`run finetune\` on the embedded sample, ${threads} threads, ${rounds} rounds:\n`,
  );
  const value = (runs, key) => median(runs.map((run) => run[key]));
  printTable(
    ['', 'library', 'seconds, whole', FASTER, 'best accuracy', 'epochs', 'peak memory'],
    Object.entries(measured).map(([name, runs]) => [
      name,
      libraryOf(runs),
      value(runs, 'seconds').toFixed(1),
      ratio(measured[OURS], runs, (run) => 1 / run.seconds),
      percent(value(runs, 'accuracy')),
      value(runs, 'epochs'),
      memoryOf(runs),
    ]),
  );
}

/** The chosen candidates in turn, by their names; torch-tl itself may not fail. */
function measure(candidates, settings, others = {}) {
  const takingPart = Object.entries(candidates).filter(([key]) => chosen.has(key));
  const named = takingPart.map(([key, run]) => [NAMES[key], () => run({ precision, threads, ...settings })]);
  return interleave(rounds, { ...others, ...Object.fromEntries(named) }, (name) => name !== OURS);
}

/** Operations a second by precision. */
function peak() {
  return pytorch('peak.py', flagsOf({ threads }));
}

/** Nothing where the processor does not multiply in the runs' precision. */
function shareOf(peaks, runs, operations) {
  if (!peaks?.[0][runs[0].precision]) return '';
  const share = (run, round) => (run.imagesPerSecond * operations) / peaks[round][run.precision];
  return percent(median(runs.map(share)));
}

/** The median of the paired rounds' ratios. */
function ratio(ours, runs, speed) {
  return median(ours.map((run, round) => speed(run) / speed(runs[round]))).toFixed(2);
}

function libraryOf([{ library, precision }]) {
  return `${library}, ${precision}`;
}

function percent(fraction) {
  return `${(100 * fraction).toFixed(1)} %`;
}

function peakText(peaks) {
  const text = (name) => `${name} ${(median(peaks.map((peak) => peak[name])) / 1e9).toFixed(0)} GFLOP/s`;
  const names = Object.keys(peaks[0]).filter((name) => name !== 'peak_memory');
  return `Peak, products of large matrices: ${names.map(text).join(', ')}.`;
}
