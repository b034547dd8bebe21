import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { classCounts, dataWarnings } from '../data/class-counts.ts';
import type { Dataset } from '../data/dataset.ts';
import { type ListedDatasets, listDatasets } from '../data/open-datasets.ts';
import { DenseNet121 } from '../densenet121.ts';
import { unusedGpu } from '../engine/device.ts';
import { loadEngine } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import { requireWritableDirectory } from '../files/writable.ts';
import type { ExperimentDocs } from '../options/docs.ts';
import {
  checkOptions,
  DEFAULT_WEIGHTS,
  type experimentOptions,
  type RunOptions,
  runOptions,
} from '../options/index.ts';
import { nearestPath } from '../support/nearest-path.ts';
import { packageVersion } from '../support/version.ts';
import { MAY_CHANGE, plainOptions, readCheckpoint, requireSameOptions } from '../training/checkpoint.ts';
import { requireUsed, withoutUnused } from '../training/effects.ts';
import { type TrainingPlan, trainingPlan } from '../training/plan.ts';
import { stagesOf } from '../training/recipes.ts';
import { describeMachine } from './machine.ts';
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
  checkpointIn,
  defaultRunDirectory,
  holdsRun,
  makeUnusedDirectory,
  RunDirectory,
  requireVacant,
} from './run-directory.ts';
import { everTrained, stageSetups } from './stage-setups.ts';
import { type DecodingEvent, type RunEvent, trainInto } from './train-into.ts';

export type ExperimentOptions = z.input<typeof experimentOptions> & ExperimentDocs;

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

/** What options leave open: by one of the paper's experiments, or for the user's own images. */
export interface RunDefinition extends Pick<Experiment, 'head' | 'init' | 'frozenBackbone'> {
  name: RunSetup['experiment'];
}

/** For the user's own images. */
const OWN: RunDefinition = { name: 'train', head: 'linear', init: 'pretrained', frozenBackbone: false };

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
  const { path, earlier, options } = await resolveRun(definition, given, resume);
  if (earlier) {
    const finished = await finishedResults(path, stagesOf(options));
    if (finished) {
      onEvent({ type: 'finished', directory: path, stoppedBecause: finished.stoppedBecause });
      return finished;
    }
  } else {
    if (resume) await startInstead(path, given, onEvent);
    if (!isUnnamed) await requireVacant(path);
  }
  await requirePlaces(path, options);
  const machine = describeMachine(options, earlier);
  const reason = options.device === 'auto' ? unusedGpu(loadEngine().info()) : null;
  if (reason !== null) onEvent({ type: 'unused-gpu', reason });

  const listed = await listImages(options, signal, onEvent);
  const { device } = machine;
  const model = await createModel(definition, options, { device, data: listed, signal });
  try {
    planOf(model, options, listed.labels);
    if (earlier) await requireSameRun(path, earlier, { ...options, ...machine }, model);
    signal.throwIfAborted();
    const { train, valid, validation, heldOut } = await listed.open();
    try {
      const { name, source, skipped, leftOut } = train;
      const counts = classCounts(train.classes, train.labels, valid.labels);
      const used = { train: train.count, valid: valid.count, classCounts: counts };
      const dataset = { name, ...used, source, validation, skipped, leftOut };
      onEvent({ type: 'data', ...dataset });
      const warnings = dataWarnings(counts, heldOut, leftOut);
      for (const warning of warnings) onEvent({ type: 'warning', ...warning });
      const described = await describeModel(definition, options, model, train.labels);
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
      train.dispose();
      valid.dispose();
    }
  } finally {
    model.dispose();
  }
}

/** Where a run writes, what it goes on with, and with which options. */
async function resolveRun(definition: RunDefinition, given: z.input<typeof runOptions>, resume: boolean) {
  const path = resume ? directoryToGoOn(given) : (given.out ?? defaultRunDirectory(definition.name));
  const earlier = resume ? await readRunConfig(join(path, 'config.json')) : null;
  const asked = earlier ? optionsToGoOn(path, earlier, definition.name, given) : given;
  const options = withAbsolutePaths(checkOptions(runOptions, asked));
  requireConsistent(options);
  // Else the images would be those of the paper.
  if (definition.name === OWN.name && asked.data === undefined) throw noImages();
  requireUsed(given, options);
  return { path, earlier, options };
}

/** Makes sure that what a run writes can be written. */
async function requirePlaces(path: string, { featureCache }: RunOptions): Promise<void> {
  await requireWritableDirectory(path);
  if (typeof featureCache === 'string') await requireWritableDirectory(featureCache);
}

/** Makes sure that a run which goes on is the one that it was: its weights, and what its checkpoint was made with. */
async function requireSameRun(
  path: string,
  earlier: RunConfig,
  options: RunOptions,
  model: DenseNet121,
): Promise<void> {
  requireSameWeights(path, earlier, model.weights?.sha256 ?? null);
  const file = checkpointIn(path);
  const stored = await readCheckpoint(file);
  if (stored) requireSameOptions(stored, { options, device: options.device }, file);
}

/** What `--data` and its like name, to be resized where that is done on reading. */
export function listImages(
  { data, imageSize, resize, limitTrain, limitValid, skipCorrupt, imageCache, seed }: RunOptions,
  signal: AbortSignal,
  onEvent: (event: DecodingEvent) => void,
): Promise<ListedDatasets> {
  const started = performance.now();
  return listDatasets(data, {
    imageSize,
    resize,
    limits: { train: limitTrain, valid: limitValid },
    skipCorrupt,
    imageCache,
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

/** The error for a training of the user's own images that names none. */
export function noImages(): InputError {
  return new InputError(
    'INVALID_ARGUMENT',
    'Say which images to train with: `data`, a directory or a list.',
    {
      atCommandLine: 'Say which images to train with: --data DIR.',
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

/** Where a model is made, for which data, and what stops that. */
interface ModelContext {
  device: string;
  data: Pick<Dataset, 'classes' | 'resize'>;
  signal: AbortSignal;
}

/** Frozen as it is when training begins. */
export async function createModel(
  definition: RunDefinition,
  options: RunOptions,
  { device, data: { classes, resize }, signal }: ModelContext,
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

/** @throws InputError `INVALID_ARGUMENT` for layers or classes that are not there */
function planOf(model: DenseNet121, options: RunOptions, labels: BigInt64Array): TrainingPlan {
  const plan = trainingPlan(options, { leafNames: model.layers.names, classes: model.classes, labels });
  model.layers.requireAny(plan.stages[0]?.trainable ?? null);
  return plan;
}

/** The model, and of the options what says most about a training. */
export async function describeModel(
  definition: RunDefinition,
  options: RunOptions,
  model: DenseNet121,
  labels: BigInt64Array,
) {
  const { totalParameters, layers } = await model.describe();
  const { imageSize, batchSize, seed } = options;
  const { source = 'random', sha256 = null, trainedOn = null } = model.weights ?? {};
  const weights = { source, sha256, trainedOn };
  const init = initOf(definition, options);
  const plan = planOf(model, options, labels);
  return {
    experiment: definition.name,
    init,
    weights,
    imageSize,
    batchSize,
    seed,
    trainableParameters: everTrained(plan, layers),
    totalParameters,
    stages: stageSetups(options, plan, layers),
    classWeights: plan.classWeights && byName(model.classes, plan.classWeights),
  };
}

function byName(names: readonly string[], numbers: readonly number[]): Record<string, number> {
  return Object.fromEntries(names.map((name, index) => [name, numbers[index] as number]));
}

/** Everything needed to repeat the run: what was asked for, and what that came to here. */
function configOf(setup: RunSetup, options: RunOptions, model: DenseNet121) {
  const { out: _, ...used } = withoutUnused(options);
  return {
    formatVersion: FORMAT_VERSION,
    ...setup,
    head: model.head,
    options: plainOptions(used),
    versions: { 'torch-tl': packageVersion(), node: process.versions.node, libtorch: setup.libtorch },
  };
}
