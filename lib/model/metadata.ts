import { z } from 'zod';
import { InputError, TorchTlError } from '../errors.ts';
import { parseJson } from '../formats/json.ts';
import { listOf } from '../options/file-lists.ts';
import { type HeadLayer, headLayers } from '../options/head.ts';
import { classNames } from '../options/model.ts';
import { imageSize } from '../options/range.ts';
import { RESIZES, type Resize } from '../options/resize.ts';

/*
 * The metadata of a model's safetensors file: everything besides the tensors that is needed to predict or to continue
 * training. safetensors metadata holds text only, so other values are stored as JSON.
 */

/** Mean and standard deviation per channel (R, G, B), for pixels scaled to 0..1. */
export interface Normalisation {
  mean: readonly number[];
  std: readonly number[];
}

/** ImageNet's normalisation, which torchvision's weights and the embedded ones expect. */
export const IMAGENET_NORMALISATION: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Description of a model besides its tensors. */
export interface ModelMetadata extends Normalisation {
  /** Class names in the order of their label indices. */
  classes: string[];
  /** Side length of the input images in pixels. */
  imageSize: number;
  /** How images are made square. */
  resize: Resize;
  /** Layers after the backbone. */
  head: HeadLayer[];
  /** The number by which calibration has divided the logits; the weights have it already. */
  temperature?: number | undefined;
}

/** Maximum length of a value in characters; enough for a hundred thousand epochs or class names. */
const LONGEST_VALUE = 1 << 24;

/** A text value that holds JSON of the given schema. */
export const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string({ error: 'is missing' })
    .max(LONGEST_VALUE, { error: `is longer than ${LONGEST_VALUE} characters` })
    .transform((text, context) => {
      try {
        return parseJson(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

/** Upper bound of means and standard deviations; larger values would turn pixels of 0..1 into infinities. */
const MAX = 1e4;
const channels = (min: number) => {
  const error = `must be three numbers from ${min} to ${MAX}`;
  const numbers = listOf(z.number({ error }).min(min, { error }).max(MAX, { error }), error);
  return json(numbers.refine(({ length }) => length === 3, { error }));
};
const normalisation = z.object({ mean: channels(-MAX), std: channels(1 / MAX) });
const format = z.object({
  formatVersion: z.literal('1', { error: "must be '1'" }),
  architecture: z.literal('densenet121', { error: "must be 'densenet121'" }),
});
const POSITIVE = 'must be a number above 0';
const modelMetadata = normalisation.extend({
  classes: json(listOf(z.string({ error: 'a list of names' }), 'a list of names').pipe(classNames)),
  imageSize: json(imageSize()),
  resize: z.enum(RESIZES, { error: `must be ${RESIZES.join(' or ')}` }),
  head: json(z.unknown()).transform(headLayers),
  temperature: json(z.number({ error: POSITIVE }).positive({ error: POSITIVE })).optional(),
});

/** Metadata as the text values of a safetensors file. */
export function modelMetadataText({ temperature, ...metadata }: ModelMetadata): Record<string, string> {
  return {
    formatVersion: '1',
    architecture: 'densenet121',
    classes: JSON.stringify(metadata.classes),
    imageSize: JSON.stringify(metadata.imageSize),
    resize: metadata.resize,
    mean: JSON.stringify(metadata.mean),
    std: JSON.stringify(metadata.std),
    head: JSON.stringify(metadata.head),
    ...(temperature === undefined ? {} : { temperature: JSON.stringify(temperature) }),
  };
}

/**
 * Reads the metadata of a model's file.
 *
 * @throws InputError `WEIGHTS_INVALID` if neither a model's `save` nor a run wrote the file
 */
export function readModelMetadata(text: Record<string, string>, file: string): ModelMetadata {
  if (text.formatVersion === undefined) throw noModel(file);
  read(format, text, file);
  return read(modelMetadata, text, file);
}

/**
 * Reads the normalisation that a backbone's weights expect: that of the file's metadata, else ImageNet's.
 *
 * @throws InputError `WEIGHTS_INVALID` if the metadata holds it in another form
 */
export function readNormalisation(text: Record<string, string>, file: string): Normalisation {
  if (text.mean === undefined && text.std === undefined) return IMAGENET_NORMALISATION;
  return read(normalisation, text, file);
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  text: Record<string, string>,
  file: string,
): z.output<Schema> {
  try {
    const checked = schema.safeParse(text);
    if (checked.success) return checked.data;
    const issue = checked.error.issues[0] as z.core.$ZodIssue;
    const { message } = issue;
    const problem = /^(is|must) /.test(message) ? message : `must be ${message}`;
    throw invalid(file, `'${issue.path.join('.')}' ${problem}`);
  } catch (error) {
    if (error instanceof TorchTlError && error.code === 'INVALID_ARGUMENT')
      throw invalid(file, error.message);
    throw error;
  }
}

/** The error for weights of other programs in place of a whole model. */
export function noModel(file: string): InputError {
  const said = (model: string, training: string) =>
    `${file} holds weights, but no classes, image size and preprocessing, so it is no model that can predict. Give ${model}. ` +
    `To use these weights, train a model that begins with their backbone: ${training}.`;
  const message = said(
    "a file that a model's save() or a run wrote",
    'DenseNet121.create({ weights }), then fit()',
  );
  return new InputError('WEIGHTS_INVALID', message, {
    atCommandLine: said("a run's directory, or its best.safetensors", '`torch-tl train DIR --weights FILE`'),
  });
}

function invalid(file: string, problem: string): InputError {
  return new InputError(
    'WEIGHTS_INVALID',
    `The metadata of ${file} does not describe a model: ${problem}. Give a file that a model's save() or a run wrote.`,
  );
}
