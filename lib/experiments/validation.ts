import { dirname, relative } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import type { RawImage } from '../data/decoding/decode.ts';
import type { DenseNet121 } from '../densenet121.ts';
import { type Evaluation, evaluation } from '../model/evaluate.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import type { GradCamOptions } from '../model/grad-cam.ts';
import { logSoftmax, ranking, rowsOf } from '../model/logits.ts';
import { rankedClasses } from '../model/predict.ts';
import { FORMAT_VERSION } from './results.ts';
import { activationImage, imageImage } from './shown-images.ts';

/** An image that was taken for another class. */
export interface Mistake {
  /** Its file, from the folder that it was found in or that its list is in; else which one it is, for people. */
  source: string;
  /** Its class. */
  label: string;
  /** What the model took it for, likeliest first, up to 3. */
  top: Array<{ label: string; probability: number }>;
  /** Data URI of a WebP. */
  image: string;
  /** Likewise: the image with the Grad-CAM heat of the likeliest class over it. */
  activation?: string;
}

/** The content of validation.json: what the best epoch's model made of the validation images. */
export interface ValidationReport {
  formatVersion: typeof FORMAT_VERSION;
  epoch: number;
  evaluation: Evaluation;
  /** Those of the highest loss, the highest first. */
  mistakes: Mistake[];
}

/** How many mistakes are shown, and of how many of these why. */
const MISTAKES = 24;
const ACTIVATIONS = 12;
const TOP = 3;

/** An image that was taken for another class, before it is shown. */
interface WrongAnswer extends Pick<Mistake, 'source' | 'label' | 'top'> {
  pixels: RawImage;
}

/**
 * What a run's best model, which `model` is, made of the validation images.
 *
 * @param logits its logits of them, in their order
 * @throws what `DenseNet121.gradCam` throws; sharp's errors
 */
export async function validationReport(
  model: DenseNet121,
  valid: Dataset,
  { epoch, logits }: { epoch: number; logits: FeatureMatrix },
  options: Pick<GradCamOptions, 'precision' | 'signal'>,
): Promise<ValidationReport> {
  const rows = rowsOf(logits);
  const labels = Array.from(valid.labels, Number);
  const wrong = await Promise.all(
    worstMistakes(rows, labels).map((index) => wrongAnswer(valid, index, rows[index] as Float32Array)),
  );
  const activations = await activationImages(model, wrong.slice(0, ACTIVATIONS), options);
  const images = await Promise.all(wrong.map(({ pixels }) => imageImage(pixels)));
  return {
    formatVersion: FORMAT_VERSION,
    epoch,
    evaluation: evaluation(rows, labels, valid.classes),
    mistakes: wrong.map(({ pixels: _, ...mistake }, place) => {
      const activation = activations[place];
      return {
        ...mistake,
        image: images[place] as string,
        ...(activation === undefined ? {} : { activation }),
      };
    }),
  };
}

/** Which images were taken for another class at the highest losses, the highest first. */
function worstMistakes(rows: readonly Float32Array[], labels: readonly number[]): number[] {
  const losses = rows.map((row, index) => -(logSoftmax(row)[labels[index] as number] as number));
  return [...rows.keys()]
    .filter((index) => ranking(rows[index] as Float32Array)[0] !== labels[index])
    .sort((a, b) => (losses[b] as number) - (losses[a] as number))
    .slice(0, MISTAKES);
}

async function wrongAnswer(valid: Dataset, index: number, row: Float32Array): Promise<WrongAnswer> {
  const top = rankedClasses(row, valid.classes, TOP).map(({ label, probability }) => ({
    label,
    probability,
  }));
  const label = valid.classes[Number(valid.labels[index])] as string;
  const { imageSize: side } = valid;
  const pixels: RawImage = { data: await valid.pixelsAt(index), width: side, height: side, channels: 3 };
  return { source: nameOf(valid, index), label, top, pixels };
}

/** An image's file, from the folder that it was found in or that its list is in; else which one it is. */
function nameOf(valid: Dataset, index: number): string {
  const file = valid.fileOf(index);
  if (file === undefined) return `image ${index + 1} of the validation set`;
  const path = relative(valid.source, file);
  return path.startsWith('..') ? relative(dirname(valid.source), file) : path;
}

async function activationImages(
  model: DenseNet121,
  wrong: readonly WrongAnswer[],
  options: Pick<GradCamOptions, 'precision' | 'signal'>,
): Promise<string[]> {
  const images = wrong.map(({ pixels }) => pixels);
  const classes = wrong.map(({ top }) => top[0]?.label as string);
  const activations = await model.gradCam(images, { ...options, classes });
  return Promise.all(
    activations.map((activation, place) => activationImage(images[place] as RawImage, activation)),
  );
}
