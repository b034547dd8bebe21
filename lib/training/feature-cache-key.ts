import type { Dataset } from '../data/dataset.ts';
import { loadEngine } from '../engine/engine.ts';
import type { Computation, FeatureKeys, HostTensor } from '../engine/native.ts';
import { sha256 } from '../support/hash.ts';
import { packageVersion } from '../support/version.ts';

/** Everything besides the images that determines the exact features of a set at a cut. */
export interface FeatureOrigin extends Required<Computation> {
  /** Last frozen section, as `frozenCut` returns it. */
  cut: string;
  /** All tensors of the network; only those up to the cut matter. */
  tensors: readonly HostTensor[];
  imageSize: number;
  /** Mean and standard deviation per channel, for pixels scaled to 0..1. */
  mean: readonly number[];
  std: readonly number[];
  /** `cpu` or `cuda:N`. */
  device: string;
  batchSize: number;
}

/**
 * Finds the last section of the backbone (`stem`, `denseblock1`, `transition1`, ..., `denseblock4`, `norm5`) that is
 * frozen together with all sections before it; null if the first section trains.
 *
 * @param layers layers in the order of the forward pass; `trainable` is false for layers without parameters
 */
export function frozenCut(layers: ReadonlyArray<{ name: string; trainable: boolean }>): string | null {
  const firstTrained = layers.findIndex(({ trainable }) => trainable);
  const trained = sectionOf(layers[firstTrained]?.name ?? '');
  const frozen = layers.map(({ name }) => sectionOf(name)).filter((section) => section !== null);
  const sections = [...new Set(frozen)];
  const count = trained === null ? sections.length : sections.indexOf(trained);
  return sections[count - 1] ?? null;
}

/**
 * Finds for each stage of a training the cut at which features may be kept for later trainings. It is null if no
 * section in front is frozen, or if an earlier stage trains a part of the frozen sections, whose weights are then
 * unknown beforehand.
 *
 * @param layers layers of the model before the first stage
 */
export function keptCuts(
  layers: ReadonlyArray<{ name: string; trainable: boolean }>,
  stages: ReadonlyArray<{ trainable: readonly string[] | null }>,
): Array<string | null> {
  const cutBefore = (trained: ReadonlySet<string>) =>
    frozenCut(layers.map(({ name }) => ({ name, trainable: trained.has(name) })));
  const trainedSoFar = new Set<string>();
  let training = new Set(layers.filter(({ trainable }) => trainable).map(({ name }) => name));
  return stages.map(({ trainable }) => {
    if (trainable) training = new Set(trainable);
    for (const name of training) trainedSoFar.add(name);
    const cut = cutBefore(training);
    return cut === cutBefore(trainedSoFar) ? cut : null;
  });
}

/**
 * Names of the files that hold the features of two sets: SHA-256 over everything that determines the features.
 *
 * @param valid null without validation images, whose name is then empty
 */
export async function featureKeys(
  origin: FeatureOrigin,
  train: Dataset,
  valid: Dataset | null,
  signal?: AbortSignal,
): Promise<FeatureKeys> {
  const { cut, tensors, device, ...rest } = origin;
  const prefix = tensorsUpTo(cut, tensors);
  const engine = loadEngine();
  const made = {
    ...rest,
    cut,
    device: device.replace(/:\d+$/, ''),
    processor: engine.info().cpu,
    libtorch: engine.libtorch,
    version: packageVersion(),
    tensors: prefix.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    bytes: await sha256(
      prefix.map(({ data }) => data),
      signal,
    ),
  };
  const keyOf = async (data: Dataset) =>
    sha256([Buffer.from(JSON.stringify({ ...made, pixels: await data.pixelsSha256(signal) }))]);
  return { cut, train: await keyOf(train), valid: valid ? await keyOf(valid) : '' };
}

function tensorsUpTo(cut: string, tensors: readonly HostTensor[]): HostTensor[] {
  const last = tensors.findLastIndex(({ name }) => sectionOf(name) === cut);
  return tensors.slice(0, last + 1);
}

/** Section of the backbone that a layer or tensor belongs to; null for the head. */
function sectionOf(name: string): string | null {
  const [, section] = /^features\.([^.]+)/.exec(name) ?? [];
  if (section === undefined) return null;
  return /^(denseblock\d|transition\d|norm5)$/.test(section) ? section : 'stem';
}
