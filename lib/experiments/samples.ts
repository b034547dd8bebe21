import type { Dataset } from '../data/dataset.ts';
import { FORMAT_VERSION } from './results.ts';
import type { RunDirectory } from './run-directory.ts';
import { imageImage } from './shown-images.ts';

/** The content of samples.json: a few training images of each class. */
export interface SampleReport {
  formatVersion: typeof FORMAT_VERSION;
  classes: ClassSamples[];
}

/** A few training images of one class. */
export interface ClassSamples {
  label: string;
  /** Data URIs of WebPs. */
  images: string[];
}

/** Number of classes that are shown, and number of images of each. */
const CLASSES = 24;
const IMAGES = 4;
/** Side in pixels to which larger images are shrunk. */
const LARGEST = 128;

/**
 * Writes samples.json into a run directory. It is for people alone: where it cannot be made or written, the run goes on
 * without it.
 */
export async function writeSamples(directory: RunDirectory, train: Dataset): Promise<void> {
  try {
    await directory.writeSamples(await samplesOf(train));
  } catch {
    // What prevents a picture must not end a training.
  }
}

/**
 * The first training images of each class, of the first classes.
 *
 * @throws sharp's errors; what `Dataset.pixelsAt` throws
 */
export async function samplesOf(train: Dataset): Promise<SampleReport> {
  const classes = firstOfClasses(train).map(async (indices, label) => ({
    label: train.classes[label] as string,
    images: await Promise.all(indices.map((index) => sample(train, index))),
  }));
  return { formatVersion: FORMAT_VERSION, classes: await Promise.all(classes) };
}

/** Indices of the first images of each of the first classes. */
function firstOfClasses({ classes, labels }: Dataset): number[][] {
  const found: number[][] = classes.slice(0, CLASSES).map(() => []);
  let missing = found.length;
  for (const [index, label] of labels.entries()) {
    const ofClass = found[Number(label)];
    if (ofClass === undefined || ofClass.length === IMAGES) continue;
    ofClass.push(index);
    if (ofClass.length === IMAGES && --missing === 0) break;
  }
  return found;
}

async function sample(train: Dataset, index: number): Promise<string> {
  const { imageSize: side } = train;
  const data = await train.pixelsAt(index);
  return imageImage({ data, width: side, height: side, channels: 3 }, LARGEST);
}
