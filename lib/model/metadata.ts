import { z } from 'zod';
import { InputError, TorchTlError } from '../errors.ts';
import { parseJson } from '../formats/json.ts';
import { classNames } from '../options/class-names.ts';
import { type HeadLayer, headLayers } from '../options/head.ts';
import { imageSize } from '../options/range.ts';
import { RESIZES, type Resize } from '../options/resize.ts';

/*
 * The metadata of a model's safetensors file: everything beside the tensors that predicting or
 * training on needs. safetensors holds text only, so whatever is no text is JSON.
 */

/** Mean and standard deviation a channel (R, G, B) of pixels scaled to 0..1. */
export interface Normalisation {
  mean: readonly number[];
  std: readonly number[];
}

/** ImageNet's, which torchvision's weights and ours expect. */
export const IMAGENET_NORMALISATION: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

export interface ModelMetadata extends Normalisation {
  classes: string[];
  /** Side of the images in pixels. */
  imageSize: number;
  /** How an image that is not square is made square. */
  resize: Resize;
  head: HeadLayer[];
}

/** The most characters of a value: some hundred thousand epochs, or names of classes. */
const LONGEST_VALUE = 1 << 24;

/** A value that is text holding JSON. */
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

/** Of pixels from 0 to 1: what is far from that would make infinities of them. */
const MOST = 1e4;
const channels = (least: number) => {
  const error = `must be three numbers from ${least} to ${MOST}`;
  return json(
    z.array(z.number({ error }).min(least, { error }).max(MOST, { error }), { error }).length(3, { error }),
  );
};
const normalisation = z.object({ mean: channels(-MOST), std: channels(1 / MOST) });
const format = z.object({
  formatVersion: z.literal('1', { error: "must be '1'" }),
  architecture: z.literal('densenet121', { error: "must be 'densenet121'" }),
});
const modelMetadata = normalisation.extend({
  classes: json(classNames),
  imageSize: json(imageSize()),
  resize: z.enum(RESIZES, { error: `must be ${RESIZES.join(' or ')}` }),
  head: json(z.unknown()).transform(headLayers),
});

/** What to write beside a model's tensors. */
export function modelMetadataText(metadata: ModelMetadata): Record<string, string> {
  return {
    formatVersion: '1',
    architecture: 'densenet121',
    classes: JSON.stringify(metadata.classes),
    imageSize: JSON.stringify(metadata.imageSize),
    resize: metadata.resize,
    mean: JSON.stringify(metadata.mean),
    std: JSON.stringify(metadata.std),
    head: JSON.stringify(metadata.head),
  };
}

/** @throws InputError `WEIGHTS_INVALID` where the file was not written by a model's `save` */
export function readModelMetadata(text: Record<string, string>, file: string): ModelMetadata {
  read(format, text, file);
  return read(modelMetadata, text, file);
}

/**
 * The normalisation that a backbone's weights expect: what their file says, else ImageNet's.
 *
 * @throws InputError `WEIGHTS_INVALID` where the file says it in another form
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
    const said = /^(is|must) /.test(message) ? message : `must be ${message}`;
    throw invalid(file, `'${issue.path.join('.')}': ${said}`);
  } catch (error) {
    if (error instanceof TorchTlError && error.code === 'INVALID_ARGUMENT')
      throw invalid(file, error.message);
    throw error;
  }
}

function invalid(file: string, what: string): InputError {
  return new InputError(
    'WEIGHTS_INVALID',
    `The metadata of ${file} is not a model's: ${what}. Give a file that a model's save() or a run wrote.`,
  );
}
