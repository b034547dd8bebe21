import type { Dataset } from '../data/dataset.ts';
import { loadEngine } from '../engine/engine.ts';
import type { Computation, FeatureKeys, HostTensor } from '../engine/native.ts';
import { sha256 } from '../support/hash.ts';
import { packageVersion } from '../support/version.ts';

/** Everything that a set's features at a cut follow from, to the bit, besides its images. */
export interface FeatureOrigin extends Required<Computation> {
  /** As `frozenCut` gives it. */
  cut: string;
  /** The network's, of which those up to the cut count. */
  tensors: readonly HostTensor[];
  imageSize: number;
  /** A channel, of pixels scaled to 0..1. */
  mean: readonly number[];
  std: readonly number[];
  /** `cpu` or `cuda:N`. */
  device: string;
  batchSize: number;
}

/**
 * The last section of the backbone (`stem`, `denseblock1`, `transition1`, ..., `denseblock4`, `norm5`)
 * that is frozen with all before it, or null where the first one trains.
 *
 * @param layers in the order of the forward pass; `trainable` is false for those without parameters
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
 * The cut of each stage of a training at which features may be kept for later trainings: null where
 * nothing is frozen in front, or where an earlier stage trains a part of it, so that nobody knows its
 * weights beforehand.
 *
 * @param layers of the model before the first stage
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

/** The names of the files that hold the features of two sets: SHA-256 over all that they follow from. */
export async function featureKeys(
  origin: FeatureOrigin,
  train: Dataset,
  valid: Dataset,
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
  return { cut, train: await keyOf(train), valid: await keyOf(valid) };
}

function tensorsUpTo(cut: string, tensors: readonly HostTensor[]): HostTensor[] {
  const last = tensors.findLastIndex(({ name }) => sectionOf(name) === cut);
  return tensors.slice(0, last + 1);
}

/** The section that a layer or tensor of the backbone belongs to, null for the head's. */
function sectionOf(name: string): string | null {
  const [, section] = /^features\.([^.]+)/.exec(name) ?? [];
  if (section === undefined) return null;
  return /^(denseblock\d|transition\d|norm5)$/.test(section) ? section : 'stem';
}
