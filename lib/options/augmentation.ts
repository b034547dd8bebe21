import { z } from 'zod';
import type { AugmentationOptions } from '../engine/native-training.ts';
import { interval, notNegative, number } from './range.ts';
import { commandLine } from './schema.ts';

const forms = 'none, light, strong or an object with augmentations';
const scale = () => interval(0.0001, 1);
const ratio = () => interval(0.01, 100);

const part = <Shape extends z.ZodRawShape>(shape: Shape, description: string) =>
  z.strictObject(shape).nullable().default(null).describe(description);

/** The augmentations that an object may set. The defaults of their parameters are torchvision's. */
export const augmentationParts = z.strictObject({
  randomResizedCrop: part(
    { scale: scale().default([0.08, 1]), ratio: ratio().default([3 / 4, 4 / 3]) },
    "a random crop, resized to the image's size: `scale` is its fraction of the area, `ratio` its aspect ratio",
  ),
  randomCrop: part(
    { padding: number(0, 1).default(0.125) },
    "a random crop of the image's size after adding a black border of `padding` times its side",
  ),
  horizontalFlip: number(0, 1).default(0).describe('probability of mirroring an image horizontally'),
  colorJitter: part(
    {
      brightness: number(0, 1).default(0),
      contrast: number(0, 1).default(0),
      saturation: number(0, 1).default(0),
      hue: number(0, 0.5).default(0),
    },
    'random factors from 1 - value to 1 + value; for hue, a rotation of up to `hue` times a full turn',
  ),
  randomErasing: part(
    {
      probability: number(0, 1).default(0.5),
      scale: scale().default([0.02, 0.33]),
      ratio: ratio().default([0.3, 3.3]),
    },
    'fills a rectangle with the mean colour with this probability: `scale` is its fraction of the area, `ratio` its aspect ratio',
  ),
  mixup: notNegative()
    .default(0)
    .describe('blends images in pairs, with a weight from the beta distribution with this alpha'),
  cutmix: notNegative()
    .default(0)
    .describe(
      'pastes a rectangle of another image, with an area from the beta distribution with this alpha; if mixup is set too, each batch uses one of the two',
    ),
});

export const augmentation = z
  .union([z.enum(['none', 'light', 'strong'], { error: forms }), augmentationParts], { error: forms })
  .default('none')
  .register(commandLine, {
    topic: 'Regularisation',
    flags: '--augmentation <name>',
    description: 'random changes to the training images in every epoch: none, light or strong',
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

/** The engine's options for a checked `augmentation`; null if there is none. */
export function augmentationOf(option: z.output<typeof augmentation>): AugmentationOptions | null {
  if (option === 'none') return null;
  return typeof option === 'string' ? AUGMENTATIONS[option] : option;
}
