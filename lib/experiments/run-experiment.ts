import { cpus } from 'node:os';
import type { z } from 'zod';
import { Dataset } from '../dataset.ts';
import { DenseNet121 } from '../densenet121.ts';
import { chooseDevice } from '../device.ts';
import { InputError } from '../errors.ts';
import { loadEngine } from '../native.ts';
import { checkOptions, type ExperimentOptions, experimentOptions } from '../options.ts';
import { choosePrecision } from '../precision.ts';
import { packageVersion } from '../version.ts';
import { DEFAULT_WEIGHTS } from '../weights/catalogue.ts';
import { type ExperimentName, experimentName, experiments } from './paper.ts';
import { FORMAT_VERSION, type RunResults, type RunSetup } from './results.ts';
import { defaultRunDirectory, RunDirectory, requireVacant } from './run-directory.ts';
import { type RunEvent, trainInto } from './train-into.ts';

export interface RunControl {
  /** Stops the run within one batch; what was done by then is written. */
  signal?: AbortSignal;
  onEvent?: (event: RunEvent) => void;
}

/** What of a run's setup the machine decides. */
type Machine = Pick<RunSetup, 'device' | 'hardware' | 'precision' | 'precisionReason' | 'libtorch'>;

/**
 * Runs one of the paper's experiments, from options to the files of its run directory, which is made
 * only when everything has been checked. An aborted or failed run leaves its epochs, its best weights
 * and a results.json that says why it stopped, and then throws.
 *
 * @throws InputError for wrong options, data or weights; the signal's reason; what `fit` throws
 */
export async function runExperiment(
  name: string,
  options: z.input<typeof experimentOptions>,
  { signal = new AbortController().signal, onEvent = () => {} }: RunControl = {},
): Promise<RunResults> {
  const experiment = experimentName(name);
  const checked = checkOptions(experimentOptions, options);
  requireConsistent(checked);
  const path = checked.out ?? defaultRunDirectory(experiment);
  await requireVacant(path);
  const machine = describeMachine(checked);

  const { data, limitTrain, limitValid } = checked;
  const { train, valid } = await Dataset.cifar10(data, { train: limitTrain, valid: limitValid });
  let model: DenseNet121 | undefined;
  try {
    const dataset = { name: train.name, train: train.count, valid: valid.count, source: train.source };
    onEvent({ type: 'data', ...dataset });
    model = await createModel(experiment, checked, machine.device, train.classes);
    const setup = { ...(await describeModel(experiment, checked, model)), dataset, ...machine };
    signal.throwIfAborted();
    const directory = await RunDirectory.create(path, configOf(setup, checked, model));
    onEvent({ type: 'setup', setup, directory: directory.path, epochs: checked.epochs });
    return await trainInto(directory, { setup, options: checked, model, train, valid, signal, onEvent });
  } finally {
    model?.dispose();
    train.dispose();
    valid.dispose();
  }
}

function requireConsistent({ init, weights }: ExperimentOptions): void {
  if (init !== 'random' || weights === undefined) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `Random initialisation uses no weights, but '${weights}' was given; leave out one of the two.`,
  );
}

function describeMachine({ device: requested, precision, threads }: ExperimentOptions): Machine {
  const engine = loadEngine();
  const info = engine.info();
  const device = chooseDevice(requested, info);
  const chosen = precision === 'auto' ? choosePrecision(info, device) : { precision, reason: 'as asked for' };
  return {
    device,
    hardware: hardwareOf(device, threads ?? info.threads),
    precision: chosen.precision,
    precisionReason: chosen.reason,
    libtorch: engine.libtorch,
  };
}

function hardwareOf(device: string, threads: number): string {
  if (device !== 'cpu') return `GPU ${device}`;
  const processor = cpus()[0]?.model.trim() || process.arch;
  return `${processor}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

async function createModel(
  name: ExperimentName,
  options: ExperimentOptions,
  device: string,
  classes: readonly string[],
): Promise<DenseNet121> {
  const { head, frozenBackbone } = experiments[name];
  const { imageSize, seed, weights = DEFAULT_WEIGHTS } = options;
  const start = initOf(name, options) === 'random' ? null : weights;
  const model = await DenseNet121.create({ weights: start, head, classes, imageSize, seed, device });
  if (frozenBackbone) model.freeze();
  return model;
}

/** Given weights are meant to be used, whatever the experiment's default. */
function initOf(name: ExperimentName, { init, weights }: ExperimentOptions): RunSetup['init'] {
  return init ?? (weights === undefined ? experiments[name].init : 'pretrained');
}

async function describeModel(experiment: ExperimentName, options: ExperimentOptions, model: DenseNet121) {
  const { trainableParameters, totalParameters } = await model.describe();
  const { imageSize, batchSize, seed } = options;
  const { source = 'random', sha256 = null, trainedOn = null } = model.weights ?? {};
  const weights = { source, sha256, trainedOn };
  const init = initOf(experiment, options);
  return { experiment, init, weights, imageSize, batchSize, seed, trainableParameters, totalParameters };
}

/** Everything needed to repeat the run: what was asked for, and what that came to here. */
function configOf(setup: RunSetup, { out, ...options }: ExperimentOptions, model: DenseNet121) {
  return {
    formatVersion: FORMAT_VERSION,
    ...setup,
    head: model.head,
    options,
    versions: { 'torch-tl': packageVersion(), node: process.versions.node, libtorch: setup.libtorch },
  };
}
