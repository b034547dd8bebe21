// How torch-tl's time and memory grow on a processor: `node bench/growth.js [rounds]`.
//
// --tables LIST     of images, pixels, batch and predict (all)
// --data DIR        all of CIFAR-10, for more images than the embedded sample's 3,000
// --size N          side of the images in pixels, in the tables of images and batches (155)
// --threads LIST    numbers of threads; the table of images takes the last (1, and one a core)
// --precision NAME  auto, fp32 or bf16 (auto)
// --images N      so many instead of enough, to try things out
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  enoughImages,
  flagsOf,
  frozen,
  measuredFrozen,
  NAMES,
  onnxRuntime,
  ourOptions,
  training,
} from './candidates.js';
import {
  interleave,
  listOf,
  median,
  memoryOf,
  percentile,
  printMachine,
  printTable,
  program,
  torchTlRun,
} from './measure.js';

const IMAGES = [1000, 3000, 10_000, 30_000, 60_000];
const SAMPLE_IMAGES = 3000;
const PIXELS = [64, 96, 128, 155, 192, 224];
/** torch-tl takes no batches of one: a single image is what the table of `predict` is about. */
const BATCHES = [2, 8, 32, 64, 128, 256];
const PREDICTED_PIXELS = [155, 224];
const CALLS = 200;
const PERCENTILES = [50, 90, 99];

const tables = {
  images: measureImages,
  pixels: measurePixels,
  batch: measureBatches,
  predict: measurePredict,
};
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tables: { type: 'string', default: Object.keys(tables).join() },
    data: { type: 'string', default: 'sample' },
    size: { type: 'string', default: '155' },
    threads: { type: 'string', default: `1,${availableParallelism()}` },
    precision: { type: 'string', default: 'auto' },
    images: { type: 'string' },
  },
});
const rounds = Number(positionals[0] ?? 1);
const threadCounts = [...new Set(listOf(values.threads).map(Number))];
const { precision } = values;
const data = values.data === 'sample' ? 'sample' : resolve(values.data);
const size = Number(values.size);
const limit = values.images && Number(values.images);

printMachine();
for (const table of listOf(values.tables, Object.keys(tables))) {
  await tables[table]();
  console.log('');
}

/** The main job, of which the head's second epoch is looked at. */
async function measureImages() {
  const most = data === 'sample' ? SAMPLE_IMAGES : Number.POSITIVE_INFINITY;
  const counts = limit ? [limit] : IMAGES.filter((count) => count <= most);
  const threads = threadCounts.at(-1);
  const measured = await interleave(
    rounds,
    Object.fromEntries(counts.map((count) => [`${count} images`, () => finetune(count, threads)])),
  );
  console.log(`\`finetune\` at ${size} pixels, ${threads} threads; a sixth of the images validates:\n`);
  printTable(
    ['images', 'features, seconds', 'images/s', 'an epoch of the head, seconds', 'peak memory'],
    counts.map((count) => {
      const runs = measured[`${count} images`];
      return [
        count,
        median(runs.map((run) => count / run.imagesPerSecond)).toFixed(1),
        median(runs.map((run) => run.imagesPerSecond)).toFixed(1),
        median(runs.map((run) => run.epochSeconds)).toFixed(2),
        memoryOf(runs),
      ];
    }),
  );
}

function finetune(count, threads) {
  const validation = Math.round(count / 6);
  const settings = { imageSize: size, precision, threads, data, limitValid: validation };
  const options = ourOptions({ ...settings, images: count - validation });
  return torchTlRun(['finetune', '--epochs', 2, ...options], (results) => ({
    ...measuredFrozen(results),
    epochSeconds: results.epochs[1].seconds,
  }));
}

function measurePixels() {
  const rows = PIXELS.map((imageSize) => [imageSize, { imageSize, batchSize: 128 }]);
  return speeds('Batches of 128', 'pixels', rows);
}

function measureBatches() {
  const rows = BATCHES.map((batchSize) => [batchSize, { imageSize: size, batchSize }]);
  return speeds(`${size} pixels`, 'batch', rows);
}

/** @param rows pairs of a heading and settings, each measured frozen and training, with every number of threads */
async function speeds(title, heading, rows) {
  const works = [
    ['features', frozen.ours, 1],
    ['training `base`', training.ours, 3],
  ];
  const columns = works.flatMap(([work, measure, products]) =>
    threadCounts.map((threads) => [`${work}, ${threads} threads`, measure, { threads, products }]),
  );
  const cells = rows.flatMap(([row, settings]) =>
    columns.map(([column, measure, { threads, products }]) => {
      const images = limit ?? enoughImages(settings, products);
      return [`${row}, ${column}`, () => measure({ ...settings, precision, threads, images })];
    }),
  );
  const measured = await interleave(rounds, Object.fromEntries(cells));
  console.log(`${title}, images/s and peak memory:\n`);
  printTable(
    [heading, ...columns.map(([column]) => column)],
    rows.map(([row]) => [
      row,
      ...columns.map(([column]) => {
        const runs = measured[`${row}, ${column}`];
        return `${median(runs.map((run) => run.imagesPerSecond)).toFixed(1)}, ${memoryOf(runs)}`;
      }),
    ]),
  );
}

/** One image in a warm process, beside ONNX Runtime where there is one. */
async function measurePredict() {
  const calls = limit ?? CALLS;
  const rows = [];
  for (const imageSize of PREDICTED_PIXELS) {
    for (const threads of threadCounts) {
      const measured = await latencies({ imageSize, threads }, calls);
      for (const [name, runs] of Object.entries(measured)) {
        const milliseconds = PERCENTILES.map((_, index) => median(runs.map((run) => run[index])).toFixed(1));
        const ratio = median(runs.map(([middle], round) => middle / measured[NAMES.ours][round][0]));
        rows.push([imageSize, threads, name, ...milliseconds, ratio.toFixed(2)]);
      }
    }
  }
  console.log(`An image in a warm process, ${calls} calls, milliseconds:\n`);
  printTable(['pixels', 'threads', '', 'median', '90 %', '99 %', 'torch-tl is so many times as fast'], rows);
}

/** Of both a list a round: the percentiles, in milliseconds. */
function latencies(settings, calls) {
  const candidates = {
    [NAMES.ours]: () =>
      percentiles(program('predict.js', flagsOf({ ...settings, precision, calls })).seconds),
    [NAMES.onnx]: async () =>
      percentiles((await onnxRuntime({ ...settings, batchSize: 1, images: calls })).batchSeconds),
  };
  return interleave(rounds, candidates, (name) => name === NAMES.onnx);
}

function percentiles(seconds) {
  return PERCENTILES.map((percent) => 1000 * percentile(seconds, percent));
}
