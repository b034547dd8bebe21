import { type ClassCount, classCounts, dataWarnings } from '../class-counts.ts';
import type { DataWarning } from '../data-warning.ts';
import type { Dataset } from '../dataset.ts';
import type { SkippedImage } from '../decoding/decode-all.ts';
import { imageNameIn } from '../image-name.ts';
import { type LeftOut, leftOutOf } from '../left-out.ts';
import type { HeldOut } from '../train-and-valid.ts';
import { twinsAcross } from '../twin-warning.ts';
import { findTwinKeys } from '../twins.ts';
import { type FileFacts, fileFacts } from './files.ts';
import { type FeatureSource, type NearTwins, nearTwins } from './near-twins.ts';

/** An image of checked data. */
export interface CheckedImage {
  part: 'train' | 'valid';
  /** Its place in that part. */
  index: number;
  /** Path of its file, relative to the folder or list; `image N` for one that comes from no file. */
  path: string;
  /** Its class. */
  label: string;
}

/** What is the matter with images that show the same. */
interface Across {
  /** Whether one is for training and another for validation. */
  acrossParts: boolean;
  /** Whether they are of different classes. */
  acrossLabels: boolean;
}

/** Images with equal pixels. */
export interface ExactTwins extends Across {
  images: CheckedImage[];
}

/** Two images that show the same, but for size, encoding, mirroring, brightness or contrast. */
export interface NearTwinPair extends Across {
  images: [CheckedImage, CheckedImage];
  /** Whether one is like the mirror image of the other. */
  mirrored: boolean;
  /** Correlation of their grey thumbnails of 16 x 16 pixels. */
  correlation: number;
  /** Cosine of the backbone's pooled features, without the data's mean. */
  cosine: number;
}

/** What `Dataset.check` found out about images and labels. */
export interface DataCheck {
  name: string;
  /** The folder or list. */
  source: string;
  train: number;
  /** Null without validation images. */
  valid: number | null;
  classes: ClassCount[];
  /** Classes with fewer than 50 images, of which a fifth is too few to validate with. */
  smallClasses: string[];
  /** Null for images that come from no file. */
  files: FileFacts | null;
  /** Images that cannot be decoded, and why. */
  undecodable: SkippedImage[];
  warnings: DataWarning[];
  exactTwins: ExactTwins[];
  /** The most alike first; null without a model. Of exact twins only the first is compared; each image keeps its 16 likest. */
  nearTwins: NearTwinPair[] | null;
}

/** The steps of a check that take time. */
export type CheckPhase = 'headers' | 'comparison' | 'features';

export interface CheckControl {
  valid?: Dataset | undefined;
  model?: FeatureSource | undefined;
  /** The held-out images per class, if the validation images were held out of the training images. */
  heldOut?: readonly HeldOut[] | null;
  signal?: AbortSignal | undefined;
  onProgress?: ((phase: CheckPhase, done: number, total: number) => void) | undefined;
}

/** Classes with fewer images are small. */
const SMALL = 50;

/**
 * Checks images and labels, without training. See `Dataset.check`.
 *
 * @throws as `Dataset.check`
 */
export async function checkData(train: Dataset, control: CheckControl): Promise<DataCheck> {
  const { valid, model, heldOut = null, signal, onProgress = () => {} } = control;
  const sets = valid ? [train, valid] : [train];
  const images = sets.flatMap((set, place) => imagesOf(set, place === 0 ? 'train' : 'valid'));
  const classes = classCounts(train.classes, train.labels, valid?.labels ?? new BigInt64Array(0));
  const undecodable = undecodableOf(sets);
  const paths = [...sets.flatMap(({ images }) => images.files ?? []), ...undecodable.map(({ path }) => path)];
  const files = await fileFacts(paths, {
    signal,
    onProgress: (done) => onProgress('headers', done, paths.length),
  });
  const keys = await findTwinKeys(
    sets.map(({ images }) => images),
    signal,
  );
  const pairs = model ? await nearTwins(sets, model, firstOf(keys), { signal, onProgress }) : null;
  const warnings = dataWarnings(
    classes,
    heldOut,
    leftOutOfAny(sets),
    valid ? await twinsAcross(train, valid, signal) : null,
  );
  return {
    name: train.name,
    source: train.source,
    train: train.count,
    valid: valid?.count ?? null,
    classes,
    smallClasses: classes.filter(({ train, valid }) => train + valid < SMALL).map(({ name }) => name),
    files,
    undecodable,
    warnings: warnings.filter(({ kind }) => valid || kind !== 'few-validation-images'),
    exactTwins: exactTwins(images, keys),
    nearTwins: pairs && pairsOf(images, pairs),
  };
}

function imagesOf(set: Dataset, part: CheckedImage['part']): CheckedImage[] {
  return Array.from(set.labels, (label, index) => ({
    part,
    index,
    path: imageNameIn(set, index),
    label: set.classes[Number(label)] as string,
  }));
}

/** Two parts of one folder have left out the same. */
function leftOutOfAny(sets: readonly Dataset[]): LeftOut {
  return leftOutOf([...new Set(sets.map(({ leftOut }) => leftOut))]);
}

/** Two parts of one folder have the same list. */
function undecodableOf(sets: readonly Dataset[]): SkippedImage[] {
  const byPath = new Map(sets.flatMap(({ skipped }) => skipped.map((image) => [image.path, image])));
  return [...byPath.values()];
}

/** Whether a place is the first of its twins. */
function firstOf(keys: ReadonlyArray<string | null>): (place: number) => boolean {
  const first = new Map<string, number>();
  for (const [place, key] of keys.entries()) if (key !== null && !first.has(key)) first.set(key, place);
  return (place) => {
    const key = keys[place] ?? null;
    return key === null || first.get(key) === place;
  };
}

function exactTwins(images: readonly CheckedImage[], keys: ReadonlyArray<string | null>): ExactTwins[] {
  const groups = new Map<string, CheckedImage[]>();
  for (const [place, key] of keys.entries()) {
    if (key === null) continue;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(images[place] as CheckedImage);
  }
  return [...groups.values()].map((images) => ({ images, ...acrossOf(images) }));
}

function pairsOf(images: readonly CheckedImage[], pairs: readonly NearTwins[]): NearTwinPair[] {
  return [...pairs]
    .sort((a, b) => b.correlation - a.correlation)
    .map(({ first, second, ...alike }) => {
      const both: [CheckedImage, CheckedImage] = [
        images[first] as CheckedImage,
        images[second] as CheckedImage,
      ];
      return { images: both, ...alike, ...acrossOf(both) };
    });
}

function acrossOf(images: readonly CheckedImage[]): Across {
  return {
    acrossParts: new Set(images.map(({ part }) => part)).size > 1,
    acrossLabels: new Set(images.map(({ label }) => label)).size > 1,
  };
}
