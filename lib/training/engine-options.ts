import { existsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Processes } from '../distributed/processes.ts';
import { settle } from '../engine/job.ts';
import type { FeatureCacheOptions, FeatureKeys, TrainOptions } from '../engine/native.ts';
import type { StoredCheckpoint } from './checkpoint.ts';
import { featureKeys, keptCuts } from './feature-cache-key.ts';
import type { Training } from './train.ts';

/*
 * The options of a training as the engine takes them: the plan, how to compute, and where features are kept.
 */

/** Options that the engine needs in addition to the plan. */
type EngineOptions = Pick<Training['options'], 'checkpoint' | 'checkpointMinutes' | 'featureCache'>;

/** The engine's options: what must be alike in all processes is that of rank 0. */
export async function sharedOptions(
  run: Training,
  stored: StoredCheckpoint | null,
  processes: Processes | null,
  signal: AbortSignal,
): Promise<TrainOptions> {
  if (processes === null) return nativeOptions(run, await stageKeys(run, stored, signal));
  const { featureCache, checkpoint } = run.options;
  const first = await processes.fromFirst(async () => ({
    keys: await stageKeys(run, stored, signal),
    checkpoints: checkpoint !== undefined,
    directory: featureCacheOptions(featureCache, checkpoint)?.directory ?? null,
  }));
  const own = nativeOptions(run, first.keys);
  // On the same machine all use the same file; another one may not have rank 0's directory.
  const isHere = first.directory !== null && existsSync(first.directory);
  const cache =
    own.featureCache && isHere
      ? { ...own.featureCache, directory: first.directory as string }
      : own.featureCache;
  return { ...own, checkpoints: first.checkpoints, featureCache: cache, group: processes.group };
}

/** File names under which the features of each stage's frozen layers are kept for later trainings; null keeps none. */
async function stageKeys(
  run: Training,
  stored: StoredCheckpoint | null,
  signal: AbortSignal,
): Promise<Array<FeatureKeys | null>> {
  const { model, device, preprocessing, computation, data, options, plan } = run;
  if (typeof options.featureCache !== 'string') return plan.stages.map(() => null);
  const cuts = keptCuts(await settle(() => model.describe(), signal), plan.stages);
  const now = await settle(() => model.state(), signal);
  const saved = new Map(stored?.tensors.map(({ name, data }) => [name, data]));
  // The tensors of a checkpoint will replace the model's current ones.
  const tensors = now.map((tensor) => ({
    ...tensor,
    data: saved.get(`model.${tensor.name}`) ?? tensor.data,
  }));
  const { batchSize } = options;
  const origin = { tensors, ...preprocessing, ...computation, device, batchSize };
  return await Promise.all(
    cuts.map((cut) => (cut === null ? null : featureKeys({ ...origin, cut }, data, options.valid, signal))),
  );
}

/**
 * Options of a training as the engine takes them.
 *
 * @param keys names of each stage's feature files
 */
export function nativeOptions(
  { plan, options, computation }: Pick<Training, 'plan' | 'computation'> & { options: EngineOptions },
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
 * @param option directory of files that are kept for later trainings; true for a cache without such files, false for no
 *   cache
 * @param checkpoint checkpoint file of the training; features that do not fit into memory go to its directory, or
 *   without a checkpoint to the system's temporary directory
 */
export function featureCacheOptions(
  option: string | boolean,
  checkpoint: string | undefined,
): FeatureCacheOptions | null {
  if (option === false) return null;
  const scratch = checkpoint === undefined ? tmpdir() : dirname(checkpoint);
  const free = Math.min(freemem(), process.availableMemory());
  return { directory: resolve(option === true ? scratch : option), memoryLimit: Math.floor(free / 2) };
}
