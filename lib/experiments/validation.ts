import type { Dataset } from '../data/dataset.ts';
import type { RawImage } from '../data/decoding/decode.ts';
import { imageNameIn } from '../data/image-name.ts';
import type { DenseNet121 } from '../densenet121.ts';
import { type Evaluation, evaluation } from '../model/evaluate.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import type { GradCamOptions } from '../model/grad-cam.ts';
import { logSoftmax, ranking, rowsOf } from '../model/logits.ts';
import { rankedClasses } from '../model/predict.ts';
import type { LabelIssueReport } from './label-issues.ts';
import { FORMAT_VERSION } from './results.ts';
import { activationImage, imageImage } from './shown-images.ts';

/** An image that the model classified wrongly. */
export interface Mistake {
  /** Path of the file, relative to the folder or list that it comes from; for other data a description. */
  source: string;
  /** True class. */
  label: string;
  /** The likeliest classes by the model, best first, at most 3. */
  top: Array<{ label: string; probability: number }>;
  /** The image as data URI of a WebP. */
  image: string;
  /** The image under the Grad-CAM heat map of the likeliest class, as data URI of a WebP. */
  activation?: string;
}

/** The content of validation.json: how the model of the best epoch classifies the validation images. */
export interface ValidationReport {
  formatVersion: typeof FORMAT_VERSION;
  epoch: number;
  evaluation: Evaluation;
  /** The mistakes with the highest losses, highest first. */
  mistakes: Mistake[];
  /** The labels that look wrong; null in runs of earlier versions. */
  labelIssues: LabelIssueReport | null;
}

/** Number of mistakes that are shown, and number of those with a heat map. */
const MISTAKES = 24;
const ACTIVATIONS = 12;
const TOP = 3;

/** A mistake before its images are encoded. */
interface WrongAnswer extends Pick<Mistake, 'source' | 'label' | 'top'> {
  pixels: RawImage;
}

/** Makes the heat maps of mistakes, as data URIs of WebPs; undefined for those without one. */
export type HeatMaps = (
  mistakes: ReadonlyArray<Pick<Mistake, 'source' | 'top'> & { pixels: RawImage }>,
) => Promise<Array<string | undefined>>;

/**
 * The validation report of logits.
 *
 * @param logits float32 `[count, classes]` of the validation images in their order
 * @throws what `heatMaps` throws; sharp's errors
 */
export async function validationReport(
  valid: Dataset,
  { epoch, logits, labelIssues }: Pick<ValidationReport, 'epoch' | 'labelIssues'> & { logits: FeatureMatrix },
  heatMaps: HeatMaps,
): Promise<ValidationReport> {
  const rows = rowsOf(logits);
  const labels = Array.from(valid.labels, Number);
  const wrong = await Promise.all(
    worstMistakes(rows, labels).map((index) => wrongAnswer(valid, index, rows[index] as Float32Array)),
  );
  const activations = await heatMaps(wrong.slice(0, ACTIVATIONS));
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
    labelIssues,
  };
}

/**
 * Heat maps by Grad-CAM of the model, for the likeliest class.
 *
 * @throws what `DenseNet121.gradCam` throws
 */
export function gradCamMaps(
  model: DenseNet121,
  options: Pick<GradCamOptions, 'precision' | 'signal'>,
): HeatMaps {
  return async (mistakes) => {
    const images = mistakes.map(({ pixels }) => pixels);
    const classes = mistakes.map(({ top }) => top[0]?.label as string);
    const activations = await model.gradCam(images, { ...options, classes });
    return Promise.all(
      activations.map((activation, place) => activationImage(images[place] as RawImage, activation)),
    );
  };
}

/** The heat maps that other reports have of the same images. */
export function knownMaps(read: () => Promise<ReadonlyArray<Pick<ValidationReport, 'mistakes'>>>): HeatMaps {
  return async (mistakes) => {
    const all = (await read()).flatMap((report) => report.mistakes);
    const known = new Map(all.map(({ source, activation }) => [source, activation]));
    return mistakes.map(({ source }) => known.get(source));
  };
}

/** The mistakes with the highest losses, highest first. */
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
  return { source: imageNameIn(valid, index), label, top, pixels };
}
