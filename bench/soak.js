// Whether anything grows over hours: `node --expose-gc bench/soak.js [--minutes 120] [--scale 1]`. Models that are made,
// trained and disposed of, or left to the garbage collector; predictions; trainings that are stopped; then every method in
// turn for the rest of the time. After each phase it prints what is alive, and how memory changed over the phase's second
// half, by least squares: resident memory without V8's heap, which grows and shrinks as V8 sees fit, and of it what malloc
// has handed out, without what it keeps of what it got back. Exits 1 if anything is alive, or descriptors or threads have
// grown.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadEngine } from '../dist/engine/engine.js';
import { Dataset, DenseNet121 } from '../dist/index.js';
import { printMachine, printTable } from './measure.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '120' }, scale: { type: 'string', default: '1' } },
});
const end = performance.now() + 60_000 * Number(values.minutes);
const times = (count) => Math.max(2, Math.round(count * Number(values.scale)));

const SIDE = 32;
const CLASSES = ['dark', 'bright'];
const directory = mkdtempSync(join(tmpdir(), 'torch-tl-soak-'));
const images = Array.from({ length: 12 }, (_, index) => ({
  data: new Uint8Array(SIDE * SIDE * 3).fill(20 * index),
  width: SIDE,
  height: SIDE,
  channels: 3,
}));
const labels = images.map((_, index) => Math.floor((2 * index) / images.length));

const newModel = () =>
  DenseNet121.create({ head: 'linear', classes: CLASSES, imageSize: SIDE, weights: null });
const newData = () => Dataset.fromImages(images, labels, { classes: CLASSES, imageSize: SIDE });
const options = { epochs: 2, batchSize: 4, freeze: 'backbone', featureCache: false };

/** The methods, each a whole job over a model and data that live on. */
const METHODS = {
  fit: (model, data) => model.fit(data, { ...options, valid: data }).result,
  'fit, all layers': (model, data) => model.fit(data, { ...options, freeze: [], valid: data }).result,
  'fit, augmented': (model, data) =>
    model.fit(data, { ...options, freeze: [], valid: data, augmentation: 'strong', emaDecay: 0.9 }).result,
  evaluate: (model, data) => model.evaluate(data, { batchSize: 4 }),
  features: (model, data) => model.features(data, { batchSize: 4 }),
  logits: (model, data) => model.logits(data, { batchSize: 4 }),
  predict: (model) => model.predict(images),
  gradCam: (model) => model.gradCam(images[0]),
  calibrate: (model, data) => model.calibrate(data),
  findLearningRate: (model, data) => model.findLearningRate(data, { batchSize: 4, steps: 10 }),
  describe: (model) => model.describe(),
  save: (model) => model.save(join(directory, 'model.safetensors')),
  load: async () => (await DenseNet121.load(join(directory, 'model.safetensors'))).dispose(),
  export: (model) => model.export(join(directory, 'model.pth'), { format: 'pth' }),
  check: (_, data) => data.check(),
};

/** Collects all garbage, and what finalizers leave to later turns. */
async function settled() {
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc();
    await setImmediate();
  }
}

function threadName(id) {
  try {
    return readFileSync(`/proc/self/task/${id}/comm`, 'utf8');
  } catch {
    return 'libvips, ended meanwhile';
  }
}

function counts() {
  const { tensors } = loadEngine().info().memory;
  const descriptors = readdirSync('/proc/self/fd').length;
  // libvips starts and ends workers as images come.
  const threads = readdirSync('/proc/self/task').filter((id) => !threadName(id).startsWith('libvips')).length;
  return { tensors, descriptors, threads };
}

/** Resident memory outside V8's heap, that heap, and what malloc has handed out. */
function megabytes() {
  const { rss, heapTotal } = process.memoryUsage();
  const { mallocBytes } = loadEngine().info().memory;
  return { outside: (rss - heapTotal) / 1e6, heap: heapTotal / 1e6, malloc: (mallocBytes ?? 0) / 1e6 };
}

/** Slope of a line through points, and its standard error, in thousandths. */
function slopeOf(points) {
  const mean = (index) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  const slope = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
  const rest = points.reduce((sum, point) => sum + (point[1] - y - slope * (point[0] - x)) ** 2, 0);
  const error = Math.sqrt(rest / Math.max(1, points.length - 2) / spread);
  return `${(1000 * slope).toFixed(1)} ± ${(1000 * error).toFixed(1)}`;
}

const rows = [];
let hasGrown = false;

/** Calls `work(i)` while `goesOn(i)`, after a few calls that let pools and caches fill. */
async function phase(name, goesOn, work) {
  const begin = performance.now();
  let before;
  const points = [];
  let done = 0;
  for (; goesOn(done) || done < 4; done++) {
    if (done === 3) {
      await settled();
      before = counts();
    }
    await work(done);
    if (done % 10 === 9) await settled();
    points.push([done, megabytes()]);
  }
  await settled();
  const after = counts();
  const slopeAfterHalf = (name) =>
    slopeOf(points.slice(points.length / 2).map(([at, memory]) => [at, memory[name]]));
  hasGrown ||= Object.keys(after).some((count) => after[count] > before[count]);
  rows.push([
    name,
    done,
    ((performance.now() - begin) / 1000).toFixed(0),
    ...Object.keys(after).map((count) => `${before[count]} -> ${after[count]}`),
    ...[megabytes().outside, megabytes().heap].map((amount) => amount.toFixed(0)),
    slopeAfterHalf('outside'),
    slopeAfterHalf('malloc'),
  ]);
  console.error(rows.at(-1).join('  '));
}

await phase(
  'create, fit, dispose',
  (i) => i < times(300),
  async () => {
    const [model, data] = [await newModel(), await newData()];
    await METHODS.fit(model, data);
    model.dispose();
    data.dispose();
  },
);
await phase(
  'create, fit, no dispose',
  (i) => i < times(300),
  async () => {
    await METHODS.fit(await newModel(), await newData());
  },
);

const [model, data] = [await newModel(), await newData()];
await phase(
  '20 predictions',
  (i) => i < times(1000),
  async () => {
    for (let i = 0; i < 20; i++) await model.predict(images[i % images.length]);
  },
);
await phase(
  'fit, aborted',
  (i) => i < times(1000),
  async (i) => {
    const stop = new AbortController();
    const { result } = model.fit(data, {
      ...options,
      epochs: 1000,
      earlyStoppingPatience: 'off',
      signal: stop.signal,
      valid: data,
      onBatch: ({ batch }) => batch >= i % 3 && stop.abort(),
    });
    await result.then(
      () => {
        throw new Error('the training ended by itself');
      },
      (error) => {
        if (error.name !== 'AbortError') throw error;
      },
    );
  },
);
await METHODS.save(model);
const methods = Object.entries(METHODS);
await phase(
  'all methods',
  () => performance.now() < end,
  async () => {
    for (const [, run] of methods) await run(model, data);
  },
);
model.dispose();
data.dispose();
await settled();

rmSync(directory, { recursive: true });
printMachine();
printTable(
  [
    ...['phase', 'times', 'seconds', 'tensors', 'descriptors', 'threads'],
    ...['resident MB', "V8's heap, MB", 'growth, KB a time', 'of that in use of malloc'],
  ],
  rows,
);
console.log(`\nAt the end ${counts().tensors} tensors are alive.`);
process.exitCode = hasGrown || counts().tensors > 0 ? 1 : 0;
