import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { MAY_CHANGE, plainOptions } from '../checkpoint.ts';
import { classCounts, dataWarnings } from '../data/class-counts.ts';
import type { Dataset } from '../dataset.ts';
import { DenseNet121 } from '../densenet121.ts';
import { chooseDevice, unusedGpu } from '../device.ts';
import { loadEngine } from '../engine.ts';
import { InputError } from '../errors.ts';
import type { EngineInfo } from '../native.ts';
import { nearestPath } from '../nearest-path.ts';
import { openDatasets } from '../open-datasets.ts';
import { checkOptions, type experimentOptions, type RunOptions, runOptions } from '../options.ts';
import { choosePrecision } from '../precision.ts';
import { epochsOf, stagesOf } from '../recipes.ts';
import { packageVersion } from '../version.ts';
import { DEFAULT_WEIGHTS } from '../weights/catalogue.ts';
import { nothingToGoOn } from './no-run.ts';
import { type Experiment, experimentName, experiments } from './paper.ts';
import { FORMAT_VERSION, type RunResults, type RunSetup } from './results.ts';
import {
  finishedResults,
  optionsToGoOn,
  type RunConfig,
  readRunConfig,
  requireSameWeights,
  withAbsolutePaths,
} from './run-config.ts';
import {
  defaultRunDirectory,
  holdsRun,
  makeUnusedDirectory,
  RunDirectory,
  requireVacant,
} from './run-directory.ts';
import { type DecodingEvent, type RunEvent, trainInto } from './train-into.ts';

export type ExperimentOptions = z.input<typeof experimentOptions>;

export interface RunControl {
  /**
   * Goes on with the run in `out`. Where there is no checkpoint of it, it starts afresh; where there is no run, too, if
   * an option says what to train.
   */
  resume?: boolean;
  /** Stops the run within one batch; what was done by then is written. */
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
}

/** What options leave open: by one of the paper's experiments, or for the user's own pictures. */
export interface RunDefinition extends Pick<Experiment, 'head' | 'init' | 'frozenBackbone'> {
  name: RunSetup['experiment'];
}

/** For the user's own pictures. */
const OWN: RunDefinition = { name: 'train', head: 'linear', init: 'pretrained', frozenBackbone: false };

/** What of a run's setup the machine decides. */
type Machine = Pick<RunSetup, 'device' | 'hardware' | 'precision' | 'precisionReason' | 'libtorch'>;

/**
 * Runs one of the paper's experiments, from options to the files of its run directory, which is made
 * only when everything has been checked. An aborted or failed run leaves its epochs, its best weights, a
 * checkpoint and a results.json that says why it stopped, and then throws.
 *
 * @throws InputError for wrong options, data or weights, `RUN_LOCKED` or `CHECKPOINT_MISMATCH`; the
 *   signal's reason; what `fit` throws
 */
export async function runExperiment(
  name: string,
  options: ExperimentOptions,
  control: RunControl = {},
): Promise<RunResults> {
  return run(definitionOf(experimentName(name)), options, control);
}

/** @param name of an experiment, or `train` */
export function definitionOf(name: string): RunDefinition {
  if (name === OWN.name) return OWN;
  const experiment = experimentName(name);
  return { name: experiment, ...experiments[experiment] };
}

/**
 * The same for any definition.
 *
 * @param given only what the caller set: a run that goes on keeps all else as it was
 */
export async function run(
  definition: RunDefinition,
  given: z.input<typeof runOptions>,
  { resume = false, signal = new AbortController().signal, onEvent = () => {} }: RunControl = {},
): Promise<RunResults> {
  const isUnnamed = !resume && given.out === undefined;
  const path = resume ? directoryToGoOn(given) : (given.out ?? defaultRunDirectory(definition.name));
  const earlier = resume ? await readRunConfig(join(path, 'config.json')) : null;
  const asked = earlier ? optionsToGoOn(path, earlier, definition.name, given) : given;
  const options = withAbsolutePaths(checkOptions(runOptions, asked));
  requireConsistent(options);
  // Else the pictures would be those of the paper.
  if (definition.name === OWN.name && asked.data === undefined) throw noPictures();
  if (earlier) {
    const finished = await finishedResults(path, epochsOf(options));
    if (finished) {
      onEvent({ type: 'finished', directory: path, stoppedBecause: finished.stoppedBecause });
      return finished;
    }
  } else {
    if (resume) await startInstead(path, given, onEvent);
    if (!isUnnamed) await requireVacant(path);
  }
  const machine = describeMachine(options, earlier);
  const reason = options.device === 'auto' ? unusedGpu(loadEngine().info()) : null;
  if (reason !== null) onEvent({ type: 'unused-gpu', reason });

  const { train, valid, validation, heldOut } = await openPictures(options, signal, onEvent);
  let model: DenseNet121 | undefined;
  try {
    const { name, source, skipped, leftOut } = train;
    const counts = classCounts(train.classes, train.labels, valid.labels);
    const used = { train: train.count, valid: valid.count, classCounts: counts };
    const dataset = { name, ...used, source, validation, skipped, leftOut };
    onEvent({ type: 'data', ...dataset });
    const warnings = dataWarnings(counts, heldOut, leftOut);
    for (const warning of warnings) onEvent({ type: 'warning', ...warning });
    model = await createModel(definition, options, { device: machine.device, train, signal });
    if (earlier) requireSameWeights(path, earlier, model.weights?.sha256 ?? null);
    const described = await describeModel(definition, options, model);
    const started = earlier?.started ?? new Date().toISOString();
    const setup = { ...described, started, dataset, classes: train.classes, warnings, ...machine };
    signal.throwIfAborted();
    const config = configOf(setup, options, model);
    const directory = earlier
      ? await RunDirectory.reopen(path, config)
      : await RunDirectory.create(isUnnamed ? await makeUnusedDirectory(path) : path, config);
    return await trainInto(directory, {
      ...{ setup, options, model, train, valid, signal, onEvent },
      resume: earlier !== null,
    });
  } finally {
    model?.dispose();
    train.dispose();
    valid.dispose();
  }
}

/** What `--data` and its like name, resized where that is done on reading. */
export function openPictures(
  { data, imageSize, resize, limitTrain, limitValid, skipCorrupt, pictureCache, seed }: RunOptions,
  signal: AbortSignal,
  onEvent: (event: DecodingEvent) => void,
) {
  const started = performance.now();
  return openDatasets(data, {
    imageSize,
    resize,
    limits: { train: limitTrain, valid: limitValid },
    skipCorrupt,
    pictureCache,
    seed,
    signal,
    onProgress: (done, total) =>
      onEvent({ type: 'decoding', done, total, seconds: (performance.now() - started) / 1000 }),
    onDecoded: (report) => onEvent({ type: 'decoded', ...report }),
  });
}

/** @throws InputError `INVALID_ARGUMENT` where it is missing */
export function directoryToGoOn({ out }: z.input<typeof runOptions>): string {
  if (out !== undefined) return out;
  throw new InputError('INVALID_ARGUMENT', '`resume` needs `out`, the directory of the run to go on with.', {
    atCommandLine: 'To go on with a run its directory must be given: --resume --out DIR.',
  });
}

/** The error for a training of the user's own pictures that names none. */
export function noPictures(): InputError {
  return new InputError(
    'INVALID_ARGUMENT',
    'Say which pictures to train with: `data`, a directory or a list.',
    {
      atCommandLine: 'Say which pictures to train with: --data DIR.',
    },
  );
}

/**
 * Where there is no run to go on with: tells that one starts instead.
 *
 * @throws InputError `RUN_INVALID` where no option says which, so that a slip in a directory's name starts nothing
 */
async function startInstead(
  path: string,
  given: z.input<typeof runOptions>,
  onEvent: (event: RunEvent) => void,
): Promise<void> {
  const says = Object.entries(given).some(
    ([name, value]) => value !== undefined && name !== 'out' && !MAY_CHANGE.includes(name),
  );
  if (!says) throw await nothingToGoOn(path);
  await requireVacant(path);
  const near = await nearestPath(path);
  const meant = near !== undefined && (await holdsRun(near)) ? near : null;
  onEvent({ type: 'afresh', directory: resolve(path), isNew: true, meant });
}

/** @throws InputError `INVALID_ARGUMENT` for weights of a random start */
export function requireConsistent({ init, weights }: RunOptions): void {
  if (init !== 'random' || weights === undefined) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `Random initialisation uses no weights, but '${weights}' was given; leave out one of the two.`,
  );
}

function describeMachine(options: RunOptions, earlier: RunConfig | null): Machine {
  const engine = loadEngine();
  const info = engine.info();
  const device = chooseDevice(options.device, info);
  const { precision, reason } = precisionOf(options, earlier, device);
  return {
    device,
    hardware: hardwareOf(device, info, options.threads ?? info.threads),
    precision,
    precisionReason: reason,
    libtorch: engine.libtorch,
  };
}

/** A run that goes on computes in the precision that it had, on whatever device. */
function precisionOf({ precision }: RunOptions, earlier: RunConfig | null, device: string) {
  if (earlier?.precision) return { precision: earlier.precision, reason: 'as before' };
  if (precision !== 'auto') return { precision, reason: 'as asked for' };
  return choosePrecision(loadEngine().info(), device);
}

function hardwareOf(device: string, { cuda }: EngineInfo, threads: number): string {
  if (device !== 'cpu') return cuda.devices[Number(device.slice('cuda:'.length))]?.name || 'GPU';
  const processor = cpus()[0]?.model.trim() || process.arch;
  return `${processor}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** Frozen as it is when training begins. */
export async function createModel(
  definition: RunDefinition,
  options: RunOptions,
  { device, train: { classes, resize }, signal }: { device: string; train: Dataset; signal: AbortSignal },
): Promise<DenseNet121> {
  const { imageSize, seed, weights = DEFAULT_WEIGHTS } = options;
  const model = await DenseNet121.create({
    weights: initOf(definition, options) === 'random' ? null : weights,
    head: options.head ?? definition.head,
    classes,
    imageSize,
    resize: resize ?? 'cover',
    seed,
    device,
    signal,
  });
  const freeze = stagesOf(options)[0]?.freeze ?? options.freeze;
  const selections = freeze === undefined ? [] : [freeze].flat();
  if (selections.length > 0) model.freeze(...selections);
  else if (freeze === undefined && definition.frozenBackbone) model.freeze();
  return model;
}

/** Given weights are meant to be used, whatever the experiment's default. */
function initOf({ init: byDefault }: RunDefinition, { init, weights }: RunOptions): RunSetup['init'] {
  return init ?? (weights === undefined ? byDefault : 'pretrained');
}

/** The model, and of the options what says most about a training. */
export async function describeModel(definition: RunDefinition, options: RunOptions, model: DenseNet121) {
  const { trainableParameters, totalParameters } = await model.describe();
  const { imageSize, batchSize, seed } = options;
  const { source = 'random', sha256 = null, trainedOn = null } = model.weights ?? {};
  const weights = { source, sha256, trainedOn };
  const init = initOf(definition, options);
  const experiment = definition.name;
  return { experiment, init, weights, imageSize, batchSize, seed, trainableParameters, totalParameters };
}

/** Everything needed to repeat the run: what was asked for, and what that came to here. */
function configOf(setup: RunSetup, { out, ...options }: RunOptions, model: DenseNet121) {
  return {
    formatVersion: FORMAT_VERSION,
    ...setup,
    head: model.head,
    options: plainOptions(options),
    versions: { 'torch-tl': packageVersion(), node: process.versions.node, libtorch: setup.libtorch },
  };
}
