import { z } from 'zod';
import { filesOptions, imagesOptions, limitOptions, splitOptions } from '../../lib/data/dataset.ts';
import { gradCamOptions } from '../../lib/model/grad-cam.ts';
import { predictOptions } from '../../lib/model/predict.ts';
import { headNumbers } from '../../lib/options/head.ts';
import {
  evaluateRunOptions,
  experimentOptions,
  featuresOptions,
  predictRunOptions,
  runOptions,
  searchRunOptions,
  serveRunOptions,
  serviceListenOptions,
  serviceOptions,
  stageOptions,
  trainOptions,
} from '../../lib/options/index.ts';
import { createOptions } from '../../lib/options/model.ts';
import { type NumberRange, numberRange } from '../../lib/options/range.ts';
import { fitOptions } from '../../lib/training/fit.ts';
import { learningRateOptions } from '../../lib/training/learning-rate.ts';

/** All that anyone can give options to, in programs and on the command line. */
export const SCHEMAS: Record<string, z.ZodObject> = {
  create: createOptions,
  fit: fitOptions,
  findLearningRate: learningRateOptions,
  predict: predictOptions,
  gradCam: gradCamOptions,
  cifar10: limitOptions,
  fromFolder: filesOptions,
  fromImages: imagesOptions,
  split: splitOptions,
  'a stage': stageOptions,
  'a layer of a head': z.object(headNumbers),
  'torch-tl run': runOptions,
  'torch-tl run all': experimentOptions,
  'torch-tl train': trainOptions,
  'torch-tl features': featuresOptions,
  'torch-tl predict': predictRunOptions,
  'torch-tl evaluate': evaluateRunOptions,
  'torch-tl lr-find': searchRunOptions,
  'torch-tl serve': serveRunOptions,
  servePredictions: serviceOptions,
  'listen of a service': serviceListenOptions,
};

/** A number somewhere in an option. */
export interface Leaf {
  /** As errors name it, such as `recipe[0].learningRate`. */
  path: string;
  /** The option itself. */
  option: string;
  /** Undefined where it was declared without one. */
  range: NumberRange | undefined;
  /** The option's value with this number in it. */
  holding(value: number): unknown;
}

/** Every number of a schema's options. */
export function leavesOf(schema: z.ZodObject): Leaf[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([option, type]) =>
    within(type, option, (value) => value).map((leaf) => ({ ...leaf, option })),
  );
}

type Found = Omit<Leaf, 'option'>;
type Holding = Leaf['holding'];

function within(type: z.ZodType, path: string, holding: Holding): Found[] {
  if (type instanceof z.ZodNumber) return [{ path, range: numberRange.get(type), holding }];
  if (
    type instanceof z.ZodDefault ||
    type instanceof z.ZodOptional ||
    type instanceof z.ZodNullable ||
    type instanceof z.ZodReadonly
  ) {
    return within(type.unwrap() as z.ZodType, path, holding);
  }
  if (type instanceof z.ZodUnion) {
    return type.options.flatMap((one) => within(one as z.ZodType, path, holding));
  }
  if (type instanceof z.ZodObject) {
    const fields = Object.entries(type.shape as Record<string, z.ZodType>);
    // What a stage must have.
    const needed = 'epochs' in type.shape ? { epochs: 1 } : {};
    return fields.flatMap(([name, field]) =>
      within(field, `${path}.${name}`, (value) => holding({ ...needed, [name]: value } as never)),
    );
  }
  if (type instanceof z.ZodArray) {
    return within(type.element as z.ZodType, `${path}[0]`, (value) => holding([value] as never));
  }
  if (type instanceof z.ZodTuple)
    return within(firstOf(type), `${path}[0]`, (value) => holding([value, value] as never));
  if (type instanceof z.ZodRecord) {
    return within(type.valueType as z.ZodType, `${path}.classifier`, (value) =>
      holding({ classifier: value } as never),
    );
  }
  return [];
}

function firstOf(tuple: z.ZodTuple): z.ZodType {
  return tuple.def.items[0] as z.ZodType;
}

/** The number next to another, on the way to a third. */
export function nextTo(value: number, towards: number): number {
  if (value === 0) return towards > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const away = towards > value === value > 0 ? 1n : -1n;
  view.setBigInt64(0, view.getBigInt64(0) + away);
  return view.getFloat64(0);
}
