import { existsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import type { Processes } from '../distributed/processes.ts';
import { settle } from '../engine/job.ts';
import type {
  FeatureCacheOptions,
  FeatureKeys,
  KeptFeatures,
  TrainOptions,
} from '../engine/native-training.ts';
import { featureCacheDirectory } from '../support/cache-directory.ts';
import { cacheLimit } from '../support/cache-limit.ts';
import type { StoredCheckpoint } from './checkpoint.ts';
import {
  type CachedSets,
  featureKeys,
  keptCuts,
  type StageOrigin,
  stageOrigin,
} from './feature-cache-key.ts';
import type { Training } from './train.ts';

/*
 * The options of a training as the engine takes them: the plan, how to compute, and where features are kept.
 */

/** Options that the engine needs in addition to the plan. */
type EngineOptions = Pick<
  Training['options'],
  'batchSize' | 'checkpoint' | 'checkpointMinutes' | 'featureCache'
>;

/** What the engine's options depend on: a training, or a search for its learning rate. */
interface Prepared
  extends Pick<Training, 'model' | 'device' | 'description' | 'computation' | 'data' | 'plan' | 'weights'> {
  /** The validation images; null if there are none. */
  valid: Dataset | null;
  options: EngineOptions;
}

/** The engine's options: what must be alike in all processes is that of rank 0. */
export async function sharedOptions(
  run: Prepared,
  stored: StoredCheckpoint | null,
  processes: Processes | null,
  signal: AbortSignal,
): Promise<TrainOptions> {
  const { featureCache, checkpoint } = run.options;
  const decide = async () => ({
    origins: await stageOrigins(run, stored, signal),
    checkpoints: checkpoint !== undefined,
    cache: featureCacheOptions(featureCache, checkpoint),
  });
  if (processes === null) {
    const { origins } = await decide();
    return nativeOptions(run, await stageKeys(run, origins, signal));
  }
  const first = await processes.fromFirst(decide);
  const own = nativeOptions(run, await stageKeys(run, first.origins, signal));
  const cache = own.featureCache && first.cache && withPlacesOf(own.featureCache, first.cache);
  return { ...own, checkpoints: first.checkpoints, featureCache: cache, group: processes.group };
}

/** On the same machine all use the same files; another one may not have rank 0's directories. */
function withPlacesOf(own: FeatureCacheOptions, first: FeatureCacheOptions): FeatureCacheOptions {
  const isHere = (directory: string) => existsSync(directory);
  const kept = first.kept && {
    limit: first.kept.limit,
    directory: own.kept === null || isHere(first.kept.directory) ? first.kept.directory : own.kept.directory,
  };
  return { ...own, kept, directory: isHere(first.directory) ? first.directory : own.directory };
}

/** Under what the features of each stage's frozen layers are kept for later trainings; null keeps none. */
async function stageOrigins(
  run: Prepared,
  stored: StoredCheckpoint | null,
  signal: AbortSignal,
): Promise<Array<StageOrigin | null>> {
  const { model, device, description, computation, options, plan, weights } = run;
  const { imageSize, mean, std } = description;
  if (keptFeatures(options.featureCache) === null) return plan.stages.map(() => null);
  const cuts = keptCuts(await settle(() => model.describe(), signal), plan.stages);
  const now = await settle(() => model.state(), signal);
  const saved = new Map(stored?.tensors.map(({ name, data }) => [name, data]));
  // The tensors of a checkpoint will replace the model's current ones.
  const tensors = now.map((tensor) => ({
    ...tensor,
    data: saved.get(`model.${tensor.name}`) ?? tensor.data,
  }));
  const { batchSize } = options;
  const origin = { tensors, imageSize, mean, std, ...computation, device, batchSize, weights };
  return await Promise.all(
    cuts.map((cut) => (cut === null ? null : stageOrigin({ ...origin, cut }, cachedSets(run), signal))),
  );
}

function stageKeys(
  run: Prepared,
  origins: ReadonlyArray<StageOrigin | null>,
  signal: AbortSignal,
): Promise<Array<FeatureKeys | null>> {
  const sets = cachedSets(run);
  return Promise.all(origins.map((origin) => origin && featureKeys(origin, sets, signal)));
}

/** Training images that augmentation changes are not cached. */
function cachedSets({ data, valid, plan }: Prepared): CachedSets {
  return { train: plan.augmentation === null ? data : null, valid };
}

/**
 * Options of a training as the engine takes them.
 *
 * @param keys keys of each stage's features
 */
export function nativeOptions(
  { plan, options, computation }: Pick<Prepared, 'plan' | 'computation' | 'options'>,
  keys: ReadonlyArray<FeatureKeys | null> = [],
): TrainOptions {
  const { checkpoint, checkpointMinutes, featureCache } = options;
  return {
    ...plan,
    stages: plan.stages.map((stage, index) => ({ ...stage, featureKeys: keys[index] ?? null })),
    ...computation,
    featureCache: featureCacheOptions(featureCache, checkpoint),
    checkpoints: checkpoint !== undefined,
    checkpointSeconds: checkpointMinutes === 'off' ? null : checkpointMinutes * 60,
  };
}

/**
 * The engine's options for the feature cache. The cache may take half of the memory that is free now, both on the
 * machine and in this process's control group.
 *
 * @param option directory of files that are kept for later trainings; true keeps them in the cache directory, false is
 *   for no cache
 * @param checkpoint checkpoint file of the training; features that are not kept and do not fit into memory go to its
 *   directory, or without a checkpoint to the system's temporary directory
 * @throws InputError `INVALID_ARGUMENT` if `TORCH_TL_CACHE_LIMIT` is not a size
 */
export function featureCacheOptions(
  option: string | boolean,
  checkpoint: string | undefined,
): FeatureCacheOptions | null {
  if (option === false) return null;
  const scratch = checkpoint === undefined ? tmpdir() : dirname(checkpoint);
  const free = Math.min(freemem(), process.availableMemory());
  return {
    directory: resolve(option === true ? scratch : option),
    memoryLimit: Math.floor(free / 2),
    kept: keptFeatures(option),
  };
}

function keptFeatures(option: string | boolean): KeptFeatures | null {
  if (option === false) return null;
  if (option !== true) return { directory: resolve(option), limit: null };
  const limit = cacheLimit();
  return limit === 0 ? null : { directory: featureCacheDirectory(), limit };
}
