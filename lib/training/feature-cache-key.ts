import type { Dataset } from '../data/dataset.ts';
import { positionKeys } from '../data/image-keys.ts';
import { loadEngine } from '../engine/engine.ts';
import type { EngineInfo } from '../engine/native.ts';
import type { Computation, HostTensor } from '../engine/native-computation.ts';
import type { FeatureKeys, SetKeys } from '../engine/native-training.ts';
import { sha256 } from '../support/hash.ts';
import { packageVersion } from '../support/version.ts';

/** Everything besides the images that determines the exact features of a set at a cut. */
export interface FeatureOrigin extends Required<Computation> {
  /** Last frozen section or layer, as `frozenCut` returns it. */
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
  /** Where the weights came from, for people: a name or a path; null for random weights. */
  weights: string | null;
}

/** All of the keys of a training's features but those of the images. */
export interface StageOrigin extends Pick<FeatureKeys, 'cut' | 'about'> {
  /** The origin of the features of either set. */
  train: string;
  valid: string;
  /** Whether an image's features depend on it alone, so that they serve any other set with that image. */
  byImage: boolean;
}

/**
 * Finds the last section of the backbone (`stem`, `denseblock1`, `transition1`, ..., `denseblock4`, `norm5`) that is
 * frozen together with all sections before it; null if the first section trains. Behind a frozen backbone it is the
 * head's first layer, which has no parameters (`globalAveragePool`, `flatten`).
 *
 * @param layers layers in the order of the forward pass; `trainable` is false for layers without parameters
 */
export function frozenCut(layers: ReadonlyArray<{ name: string; trainable: boolean }>): string | null {
  const firstTrained = layers.findIndex(({ trainable }) => trainable);
  const trained = sectionOf(layers[firstTrained]?.name ?? '');
  if (trained === null) return layers.find(({ name }) => sectionOf(name) === null)?.name ?? null;
  const frozen = layers.map(({ name }) => sectionOf(name)).filter((section) => section !== null);
  const sections = [...new Set(frozen)];
  return sections[sections.indexOf(trained) - 1] ?? null;
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

/** The sets of a training; null for one whose features are not cached. */
export interface CachedSets {
  train: Dataset | null;
  valid: Dataset | null;
}

/**
 * Hashes all that determines the features of two sets besides their images. Where an image's features depend on the
 * batch that it is computed in, that is also the set and the batch size.
 */
export async function stageOrigin(
  origin: FeatureOrigin,
  { train, valid }: CachedSets,
  signal?: AbortSignal,
): Promise<StageOrigin> {
  const { cut, tensors, device, batchSize, weights, ...rest } = origin;
  const frozen = tensorsUpTo(cut, tensors);
  const engine = loadEngine();
  const { cpu, cuda } = engine.info();
  const byImage = dependsOnImageAlone(origin, cpu);
  const made = {
    ...rest,
    cut,
    device: device.replace(/:\d+$/, ''),
    processor: cpu,
    ...(device === 'cpu' ? {} : { gpu: gpuOf(device, cuda) }),
    libtorch: engine.libtorch,
    version: packageVersion(),
    tensors: frozen.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    bytes: await sha256(
      frozen.map(({ data }) => data),
      signal,
    ),
  };
  const hashFor = async (data: Dataset | null) => {
    if (data === null) return '';
    const set = byImage ? {} : { batchSize, pixels: await data.pixelsSha256(signal) };
    return sha256([Buffer.from(JSON.stringify({ ...made, ...set }))]);
  };
  const { imageSize, precision } = rest;
  const about = JSON.stringify({
    cut,
    weights: weights?.slice(0, LONGEST_NAME) ?? null,
    imageSize,
    precision,
  });
  return { cut, about, train: await hashFor(train), valid: await hashFor(valid), byImage };
}

/** What of a GPU decides the bits of features: its kind, and whether the engine has kernels of its own for it. */
function gpuOf(device: string, { devices, kernels }: EngineInfo['cuda']): { name: string; kernels: string } {
  return { name: devices[Number(/\d+$/.exec(device)?.[0] ?? 0)]?.name ?? '', kernels };
}

/** Characters of the weights' name that a file of features has, whose text has one page. */
const LONGEST_NAME = 500;

/** The keys of a training's features. Without `byImage` those of the images are their positions in the set. */
export async function featureKeys(
  { cut, about, train, valid, byImage }: StageOrigin,
  sets: CachedSets,
  signal?: AbortSignal,
): Promise<FeatureKeys> {
  const keysOf = async (origin: string, set: Dataset | null): Promise<SetKeys> => {
    if (set === null) return { origin, images: new Uint8Array() };
    return { origin, images: byImage ? await set.imageKeys(signal) : positionKeys(set.count) };
  };
  return { cut, about, train: await keysOf(train, sets.train), valid: await keysOf(valid, sets.valid) };
}

/**
 * Whether the features of an image are to the bit the same in every batch. So it is with the engine's own kernels;
 * LibTorch's choose how to compute by the shape of the batch.
 */
export function dependsOnImageAlone(
  { device, kernels, precision }: Pick<FeatureOrigin, 'device' | 'kernels' | 'precision'>,
  cpu: Pick<EngineInfo['cpu'], 'kernels' | 'amxBf16'>,
): boolean {
  const hasKernels = cpu.kernels.length > 0 && (precision === 'fp32' || !cpu.amxBf16);
  return device === 'cpu' && kernels === 'auto' && hasKernels;
}

function tensorsUpTo(cut: string, tensors: readonly HostTensor[]): HostTensor[] {
  const isBackbone = ({ name }: HostTensor) => sectionOf(name) !== null;
  const isLast = ({ name }: HostTensor) => sectionOf(name) === cut;
  return tensors.slice(0, tensors.findLastIndex(tensors.some(isLast) ? isLast : isBackbone) + 1);
}

/** Section of the backbone that a layer or tensor belongs to; null for the head. */
function sectionOf(name: string): string | null {
  const [, section] = /^features\.([^.]+)/.exec(name) ?? [];
  if (section === undefined) return null;
  return /^(denseblock\d|transition\d|norm5)$/.test(section) ? section : 'stem';
}
