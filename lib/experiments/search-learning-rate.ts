import { resolve } from 'node:path';
import type { z } from 'zod';
import { type TrainingCount, trainingCounts } from '../data/class-counts.ts';
import { holdsImages } from '../data/source.ts';
import { deviceHere } from '../distributed/device.ts';
import { requireWritableDirectory } from '../files/writable.ts';
import {
  checkOptions,
  type RunOptions,
  runOptions,
  searchOptions,
  searchRunOptions,
} from '../options/index.ts';
import { cacheLimit } from '../support/cache-limit.ts';
import { firstStageOf, requireUsed, withoutUnused } from '../training/effects.ts';
import type { FeaturesProgress } from '../training/fit.ts';
import type { LearningRateSearch, LearningRateStep } from '../training/learning-rate.ts';
import { experimentName } from './paper.ts';
import { type Recommendation, recommendFor } from './recommend.ts';
import { requireConsistent } from './resolve-run.ts';
import type { RunSetup } from './results.ts';
import { definitionOf, type RunDefinition } from './run-definition.ts';
import type { DecodingEvent } from './run-events.ts';
import { createRunModel, describeRunModel, listRunImages } from './run-model.ts';

/**
 * What a search reports: for the user's own images first the recommendation; then the decoding and `data`, then `model`,
 * then the other events repeatedly.
 */
export type SearchEvent =
  | ({ type: 'recommendation' } & Recommendation)
  | DecodingEvent
  | { type: 'data'; name: string; source: string; classes: readonly TrainingCount[] }
  | ({ type: 'model' } & SearchedModel)
  | FeaturesProgress
  | ({ type: 'step' } & LearningRateStep);

export type SearchedModel = Pick<
  RunSetup,
  'experiment' | 'weights' | 'imageSize' | 'trainableParameters' | 'totalParameters' | 'stages'
>;

export interface SearchControl {
  /** Stops the search within one batch. */
  signal?: AbortSignal;
  onEvent?: (event: SearchEvent) => void;
}

/**
 * Searches for the learning rate of one of the paper's experiments, or of a training on the user's own images. Model,
 * training images and options are those of that run's first stage.
 *
 * @param name name of an experiment; null stands for `train` if `data` names images, else for `finetune`
 * @throws InputError for wrong options, data or weights; the signal's reason; what `findLearningRate` throws
 */
export async function searchLearningRate(
  name: string | null,
  given: z.input<typeof searchRunOptions>,
  { signal = new AbortController().signal, onEvent = () => {} }: SearchControl = {},
): Promise<LearningRateSearch> {
  const { definition, run, start, end, steps } = await resolveSearch(name, given, onEvent);
  const device = deviceHere(run.device, run);
  const listed = await listRunImages(run, signal, onEvent);
  const model = await createRunModel(definition, run, listed, { device, signal });
  try {
    const described = await describeRunModel(definition, run, model, listed.labels);
    const { train, valid } = await listed.open();
    valid.dispose();
    try {
      const classes = trainingCounts(train.classes, train.labels);
      onEvent({ type: 'data', name: train.name, source: train.source, classes });
      onEvent({ type: 'model', ...described });
      return await model.findLearningRate(train, {
        ...searched(run),
        ...{ start, end, steps },
        signal,
        onFeatures: onEvent,
        onStep: (step) => onEvent({ type: 'step', ...step }),
      });
    } finally {
      train.dispose();
    }
  } finally {
    model.dispose();
  }
}

/** The run whose rate is searched for, with the options of its first stage. */
async function resolveSearch(
  name: string | null,
  given: z.input<typeof searchRunOptions>,
  onEvent: (event: SearchEvent) => void,
): Promise<{ definition: RunDefinition; run: RunOptions; start: number; end: number; steps: number }> {
  const { data, start, end, steps } = checkOptions(searchRunOptions, given);
  const asked = withoutSearch(given);
  const own = name === null && (await holdsImages(data));
  const recommendation = own ? await recommendFor(asked) : null;
  // Validation images are not used; one is the minimum that can be read.
  const run = runOptions.strip().parse({ ...recommendation?.options, ...asked, limitValid: 1 });
  const definition = definitionOf(own ? 'train' : experimentName(name ?? 'finetune'));
  requireConsistent(run);
  requireUsed(asked, run);
  if (typeof run.featureCache === 'string') await requireWritableDirectory(run.featureCache);
  if (run.featureCache === true) cacheLimit();
  if (recommendation) onEvent({ type: 'recommendation', ...bearingOnAStep(recommendation) });
  const source = own ? { data: resolve(data) } : {};
  return { definition, run: { ...firstStageOf(run), ...source }, start, end, steps };
}

/** Without the options that matter only over several epochs. */
function bearingOnAStep({ options, reason }: Recommendation): Recommendation {
  const { epochs: _, schedule: __, ...others } = options;
  return { options: others, reason };
}

/** The options of a run that a search uses. */
function searched(run: RunOptions) {
  const names = Object.keys(searchOptions.shape);
  return Object.fromEntries(Object.entries(withoutUnused(run)).filter(([name]) => names.includes(name)));
}

/** The options that were set for the run whose rate is searched for. */
function withoutSearch({ start, end, steps, ...run }: z.input<typeof searchRunOptions>) {
  return Object.fromEntries(
    Object.entries(run).filter(([, value]) => value !== undefined),
  ) as unknown as typeof run;
}
