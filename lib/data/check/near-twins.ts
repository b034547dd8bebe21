import { setImmediate } from 'node:timers/promises';
import type { DataWarning } from '../data-warning.ts';
import type { Dataset } from '../dataset.ts';
import { BestPairs } from './best-pairs.ts';
import { type SimilarPair, similarity, similarPairs } from './similar.ts';
import { detailCorrelation, detailOf, meanOf, scale, subtractMean, thumbnailsOf } from './thumbnails.ts';

/** What gives features: a `DenseNet121`. */
export interface FeatureSource {
  features(
    data: Dataset,
    options?: {
      signal?: AbortSignal | undefined;
      onProgress?: ((done: number, total: number) => void) | undefined;
      onWarning?: ((warning: DataWarning) => void) | undefined;
    },
  ): Promise<{ shape: number[]; data: Float32Array }>;
}

/** Two images that show the same, scaled, re-encoded, mirrored or brightened; places among all images. */
export interface NearTwins extends SimilarPair {
  /** Cosine of their features, from -1 to 1. */
  cosine: number;
}

/**
 * Correlation of thumbnails, cosine of features, and correlation of detail, from which on images count as near twins:
 * docs/decisions.md.
 */
export const ALIKE = { correlation: 0.95, cosine: 0.6, detail: 0.8 };

/** Near twins of which an image keeps the likest: a film would have millions. */
const TWINS_PER_IMAGE = 16;

/** Number of images whose mean features stand for the mean of all. */
const SAMPLE = 1000;
/** Number of images whose features are computed and pooled at a time. */
const CHUNK = 256;

export interface NearTwinsControl {
  signal?: AbortSignal | undefined;
  onProgress?: (phase: 'comparison' | 'features', done: number, total: number) => void;
}

/**
 * Finds near twins: images whose grey thumbnails correlate, up to mirroring, and whose features and detail agree.
 * Features are the backbone's, pooled over the image and reduced by their mean over the data; only those of images with
 * similar thumbnails are computed, and those of up to 1,000 others for the mean. Each image keeps its 16 likest near twins.
 *
 * @param isCompared which images take part, by their places among all images
 * @throws what `features` throws; InputError `FILE_UNREADABLE`; the signal's reason after an abort
 */
export async function nearTwins(
  sets: readonly Dataset[],
  model: FeatureSource,
  isCompared: (place: number) => boolean,
  { signal, onProgress = () => {} }: NearTwinsControl,
): Promise<NearTwins[]> {
  const thumbnails = await thumbnailsOf(
    sets.map(({ images }) => images),
    signal,
  );
  const pairs = await similarPairs(thumbnails, ALIKE.correlation, {
    isCompared,
    signal,
    onProgress: (done, total) => onProgress('comparison', done, total),
  });
  const alike = new Set<number>();
  for (const [first, second] of pairs) alike.add(first).add(second);
  if (alike.size === 0) return [];
  const { count } = thumbnails;
  const sample = evenly(count);
  const places = [...new Set([...sample, ...alike])];
  const report = (done: number) => onProgress('features', done, places.length);
  const features = await pooled(sets, model, places, { signal, report });
  const length = features.length / places.length;
  const rowOf = new Map(places.map((place, row) => [place, row]));
  // Those of the sample come first.
  const mean = meanOf(features.subarray(0, sample.length * length), length);
  subtractMean(features, { count, length, mean });
  for (let begin = 0; begin < features.length; begin += length) {
    scale(features.subarray(begin, begin + length), 1e-9);
  }
  const cosineOf = (first: number, second: number) => {
    const [a, b] = [first, second].map((place) => (rowOf.get(place) as number) * length) as [number, number];
    let sum = 0;
    for (let at = 0; at < length; at++) sum += (features[a + at] as number) * (features[b + at] as number);
    return Math.min(1, sum);
  };
  const detailAt = remembered((place) => detailIn(sets, place));
  const twins = new BestPairs(count, TWINS_PER_IMAGE);
  let done = 0;
  for (const [first, second] of pairs) {
    if (done++ % 256 === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    if (cosineOf(first, second) < ALIKE.cosine) continue;
    const { correlation, mirrored } = similarity(thumbnails, first, second);
    const detail = detailCorrelation(await detailAt(first), await detailAt(second), mirrored);
    if (detail >= ALIKE.detail) twins.add(first, second, correlation);
  }
  return Array.from(twins, ([first, second]) => ({
    ...similarity(thumbnails, first, second),
    cosine: cosineOf(first, second),
  }));
}

function remembered<T>(compute: (place: number) => Promise<T>): (place: number) => Promise<T> {
  const known = new Map<number, Promise<T>>();
  return (place) => {
    const result = known.get(place) ?? compute(place);
    known.set(place, result);
    return result;
  };
}

async function detailIn(sets: readonly Dataset[], place: number): Promise<Float32Array> {
  let index = place;
  for (const set of sets) {
    if (index < set.count) return detailOf(await set.pixelsAt(index), set.imageSize);
    index -= set.count;
  }
  throw new RangeError(`there is no image ${place}`);
}

/** Evenly spaced places. */
function evenly(count: number): number[] {
  const taken = Math.min(count, SAMPLE);
  return Array.from({ length: taken }, (_, index) => Math.floor((index * count) / taken));
}

/** The features of images, averaged over their maps: float32 `[places.length, 1024]`. */
async function pooled(
  sets: readonly Dataset[],
  model: FeatureSource,
  places: readonly number[],
  { signal, report }: { signal: AbortSignal | undefined; report: (done: number) => void },
): Promise<Float32Array> {
  let result = new Float32Array(0);
  let done = 0;
  let begin = 0;
  for (const set of sets) {
    const own = [...places.keys()].filter((row) => {
      const place = places[row] as number;
      return place >= begin && place < begin + set.count;
    });
    for (let first = 0; first < own.length; first += CHUNK) {
      const rows = own.slice(first, first + CHUNK);
      const chunk = set.subset(rows.map((row) => (places[row] as number) - begin));
      try {
        const features = await model.features(chunk, {
          signal,
          onProgress: (some) => report(done + some),
          // Twins are alike at any size.
          onWarning: () => {},
        });
        const means = averaged(features);
        const length = means.length / rows.length;
        if (result.length === 0) result = new Float32Array(places.length * length);
        for (const [at, row] of rows.entries()) {
          result.set(means.subarray(at * length, (at + 1) * length), row * length);
        }
      } finally {
        chunk.dispose();
      }
      done += rows.length;
    }
    begin += set.count;
  }
  return result;
}

/** The mean of each map of `[count, channels, height, width]`. */
function averaged({ shape, data }: { shape: number[]; data: Float32Array }): Float32Array {
  const [count = 0, channels = 0, ...map] = shape;
  const size = map.reduce((product, side) => product * side, 1);
  return Float32Array.from({ length: count * channels }, (_, at) => {
    let sum = 0;
    for (let place = at * size; place < (at + 1) * size; place++) sum += data[place] as number;
    return sum / size;
  });
}
