import { z } from 'zod';
import type { AugmentationOptions } from '../engine/native.ts';
import { interval, notNegative, number } from './range.ts';
import { commandLine } from './schema.ts';

const forms = 'none, light, strong or an object of its parts';
const scale = () => interval(0.0001, 1);
const ratio = () => interval(0.01, 100);

const part = <Shape extends z.ZodRawShape>(shape: Shape, description: string) =>
  z.strictObject(shape).nullable().default(null).describe(description);

/** The parts of an augmentation that is written out. Their own defaults are torchvision's. */
export const augmentationParts = z.strictObject({
  randomResizedCrop: part(
    { scale: scale().default([0.08, 1]), ratio: ratio().default([3 / 4, 4 / 3]) },
    "a crop of this share of the area, with sides of this ratio, resized to the image's size",
  ),
  randomCrop: part(
    { padding: number(0, 1).default(0.125) },
    'a crop of the same size out of the image with a black border of this share of its side',
  ),
  horizontalFlip: number(0, 1).default(0).describe('the probability of a mirrored image'),
  colorJitter: part(
    {
      brightness: number(0, 1).default(0),
      contrast: number(0, 1).default(0),
      saturation: number(0, 1).default(0),
      hue: number(0, 0.5).default(0),
    },
    'factors between 1 minus the value and 1 plus it, the hue turned by up to this part of a turn',
  ),
  randomErasing: part(
    {
      probability: number(0, 1).default(0.5),
      scale: scale().default([0.02, 0.33]),
      ratio: ratio().default([0.3, 3.3]),
    },
    'with this probability a rectangle of the mean colour over this share of the area',
  ),
  mixup: notNegative()
    .default(0)
    .describe('images blended in pairs, by a share from the beta distribution of this alpha'),
  cutmix: notNegative()
    .default(0)
    .describe(
      'a rectangle of each image taken from another, its area drawn likewise; with both, one a batch',
    ),
});

export const augmentation = z
  .union([z.enum(['none', 'light', 'strong'], { error: forms }), augmentationParts], { error: forms })
  .default('none')
  .register(commandLine, {
    topic: 'Regularisation',
    flags: '--augmentation <name>',
    description: 'how training images are changed anew in every epoch: none, light or strong',
  });

export const AUGMENTATIONS: Readonly<Record<'light' | 'strong', AugmentationOptions>> = {
  light: {
    randomResizedCrop: null,
    randomCrop: { padding: 0.125 },
    horizontalFlip: 0.5,
    colorJitter: null,
    randomErasing: null,
    mixup: 0,
    cutmix: 0,
  },
  strong: {
    randomResizedCrop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] },
    randomCrop: null,
    horizontalFlip: 0.5,
    colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 },
    randomErasing: { probability: 0.25, scale: [0.02, 0.33], ratio: [0.3, 3.3] },
    mixup: 0.2,
    cutmix: 1,
  },
};

/** What the engine is told of a checked `augmentation`; null where images stay as they are. */
export function augmentationOf(option: z.output<typeof augmentation>): AugmentationOptions | null {
  if (option === 'none') return null;
  return typeof option === 'string' ? AUGMENTATIONS[option] : option;
}
