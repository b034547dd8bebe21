import type { ImageSet } from '../../lib/data/image-set.ts';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor, Precision } from '../../lib/engine/native-computation.ts';
import type { AugmentationOptions } from '../../lib/engine/native-training.ts';
import { createNativeModel, nativeImages } from './native.ts';

export const OFF: AugmentationOptions = {
  randomResizedCrop: null,
  randomCrop: null,
  horizontalFlip: 0,
  colorJitter: null,
  randomErasing: null,
  mixup: 0,
  cutmix: 0,
};

/** Everything at once. */
export const STRONG: AugmentationOptions = {
  randomResizedCrop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] },
  randomCrop: { padding: 0.125 },
  horizontalFlip: 0.5,
  colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 },
  randomErasing: { probability: 0.25, scale: [0.02, 0.33], ratio: [0.3, 3.3] },
  mixup: 0.2,
  cutmix: 1,
};

// Augmenting changes no model, and making one takes longer than what is tested.
const models = new Map<number, Promise<NativeModel>>();

function modelOf(imageSize: number): Promise<NativeModel> {
  const model = models.get(imageSize) ?? createNativeModel('linear', { imageSize });
  models.set(imageSize, model);
  return model;
}

/** The images as one batch of a training with this augmentation, all else being off. */
export async function augmented(
  images: ImageSet,
  augmentation: Partial<AugmentationOptions> = {},
  {
    seed = 0,
    imageSize = 32,
    precision = 'fp32',
  }: { seed?: number; imageSize?: number; precision?: Precision } = {},
): Promise<{ images: HostTensor; targets: HostTensor }> {
  const model = await modelOf(imageSize);
  const data = await nativeImages(images);
  return model.augmented(data, { augmentation: { ...OFF, ...augmentation }, seed, precision }).result;
}

export type Color = [number, number, number];

/** Images of these colours, of ten classes in turn. */
export function painted(
  count: number,
  height: number,
  width: number,
  color: (x: number, y: number, image: number) => Color,
): ImageSet {
  const pixels = Uint8Array.from(
    Array.from({ length: count * height * width }, (_, i) =>
      color(i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))),
    ).flat(),
  );
  const labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 10));
  return { pixels, labels, count, height, width };
}
