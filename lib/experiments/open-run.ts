import { classCounts, dataWarnings } from '../data/class-counts.ts';
import type { Dataset } from '../data/dataset.ts';
import { twinsAcross } from '../data/twin-warning.ts';
import type { DenseNet121 } from '../densenet121.ts';
import type { Processes } from '../distributed/processes.ts';
import { unusedGpu } from '../engine/device.ts';
import { loadEngine } from '../engine/engine.ts';
import { requireWritableDirectory } from '../files/writable.ts';
import type { RunOptions } from '../options/index.ts';
import { cacheLimit } from '../support/cache-limit.ts';
import { readCheckpoint, requireSameOptions } from '../training/checkpoint.ts';
import { describeMachine, type Machine, processSetup } from './machine.ts';
import { type Manifest, manifestOf } from './manifest.ts';
import type { ResolvedRun } from './resolve-run.ts';
import type { RunSetup } from './results.ts';
import { requireSameWeights } from './run-config.ts';
import { checkpointIn } from './run-directory.ts';
import type { RunEvent } from './run-events.ts';
import { createRunModel, describeRunModel, listRunImages, planOf } from './run-model.ts';
import { requireSameImages } from './same-images.ts';

/*
 * The second part of a run: machine, model and images, checked before anything is decoded or written.
 */

/** A run that is ready to train. */
export interface OpenRun {
  setup: RunSetup;
  model: DenseNet121;
  /** Makes another model as it is before the training. */
  createModel(): Promise<DenseNet121>;
  train: Dataset;
  /** Empty if nothing is validated. */
  valid: Dataset;
  /** Lists the images of both. */
  manifest: Manifest;
}

/**
 * Opens a run and has `work` go on with it; model and images are freed when it has ended.
 *
 * @throws InputError for wrong options, data or weights, and for a run that is not the one to resume; the signal's
 *   reason; what `work` throws
 */
export async function withOpenRun<Result>(
  run: ResolvedRun,
  processes: Processes | null,
  { signal, onEvent }: { signal: AbortSignal; onEvent: (event: RunEvent) => void },
  work: (opened: OpenRun) => Promise<Result>,
): Promise<Result> {
  const { definition, options, earlier } = run;
  const writes = processes?.isFirst !== false;
  if (writes) await requirePlaces(run);
  const machine = describeMachine(options, earlier);
  const reason = options.device === 'auto' ? unusedGpu(loadEngine().info()) : null;
  if (reason !== null) onEvent({ type: 'unused-gpu', reason });
  const listed = await listRunImages(options, signal, onEvent);
  const { device } = machine;
  const createModel = () => createRunModel(definition, options, listed, { device, signal });
  const model = await createModel();
  try {
    planOf(model, options, listed.labels);
    if (writes) await requireSameRun(run, machine, model);
    signal.throwIfAborted();
    const { train, valid, validation, heldOut } = await listed.open();
    try {
      const { name, source, skipped, leftOut } = train;
      const counts = classCounts(train.classes, train.labels, valid.labels);
      const used = { train: train.count, valid: valid.count, classCounts: counts };
      const dataset = { name, ...used, source, validation, skipped, leftOut };
      onEvent({ type: 'data', ...dataset });
      // Only of own images: nobody can mend CIFAR-10.
      const twins = train.images.files ? await twinsAcross(train, valid, signal) : null;
      const warnings = dataWarnings(counts, heldOut, leftOut, twins);
      for (const warning of warnings) onEvent({ type: 'warning', ...warning });
      const manifest = await manifestOf({ train, valid }, signal);
      if (run.isMoved) requireSameImages(run.path, earlier?.dataset?.manifest, manifest.record);
      const described = await describeRunModel(definition, options, model, train.labels);
      const started = earlier?.started ?? new Date().toISOString();
      const shared = processes && (await processes.gather(processSetup(processes.membership.rank, machine)));
      const setup = {
        ...described,
        started,
        dataset: { ...dataset, manifest: manifest.record },
        classes: train.classes,
        warnings,
        ...machine,
        processes: shared,
      };
      signal.throwIfAborted();
      return await work({ setup, model, createModel, train, valid, manifest });
    } finally {
      train.dispose();
      valid.dispose();
    }
  } finally {
    model.dispose();
  }
}

/** Makes sure that the run can write its files. */
async function requirePlaces({ path, options: { featureCache } }: ResolvedRun): Promise<void> {
  await requireWritableDirectory(path);
  if (typeof featureCache === 'string') await requireWritableDirectory(featureCache);
  if (featureCache === true) cacheLimit();
}

/** Makes sure that a resumed run has the weights and the options of its checkpoint. */
async function requireSameRun(
  { path, earlier, options }: ResolvedRun,
  machine: Machine,
  model: DenseNet121,
): Promise<void> {
  if (!earlier) return;
  requireSameWeights(path, earlier, model.weights?.sha256 ?? null);
  const file = checkpointIn(path);
  const stored = await readCheckpoint(file);
  if (!stored) return;
  const all: RunOptions = { ...options, ...machine };
  requireSameOptions(stored, { options: all, device: machine.device }, file);
}
