import { describe, expect, test } from 'vitest';
import {
  IMAGENET_NORMALISATION,
  type ModelMetadata,
  modelMetadataText,
  readModelMetadata,
  readNormalisation,
} from '../../lib/model/metadata.ts';
import { headLayers } from '../../lib/options/head.ts';

const METADATA: ModelMetadata = {
  classes: ['daisy', 'rose, "red"', 'Tülpe'],
  imageSize: 155,
  resize: 'cover',
  ...IMAGENET_NORMALISATION,
  head: headLayers('finetune'),
};

describe("a model file's metadata", () => {
  test('comes back as it was written', () => {
    for (const metadata of [METADATA, { ...METADATA, temperature: 1.2974993476357781 }])
      expect(readModelMetadata(modelMetadataText(metadata), 'a.safetensors')).toEqual(metadata);
    expect(modelMetadataText(METADATA)).not.toHaveProperty('temperature');
  });

  test('is text throughout, and says which format it is', () => {
    const text = modelMetadataText(METADATA);
    expect(Object.values(text).every((value) => typeof value === 'string')).toBe(true);
    expect(text).toMatchObject({ formatVersion: '1', architecture: 'densenet121', imageSize: '155' });
  });

  test.each<[string, Record<string, string>, string]>([
    ['a later format', { formatVersion: '2' }, 'formatVersion'],
    ['another network', { architecture: 'resnet50' }, 'architecture'],
    ['classes that are no JSON', { classes: 'a, b' }, "'classes' is not JSON"],
    ['an impossible size', { imageSize: '16' }, 'imageSize'],
    ['a mean of one channel', { mean: '[0.5]' }, 'mean'],
    ['a head that ends nowhere', { head: '[{"type":"flatten"}]' }, 'ends with a dense layer'],
    ['an unknown resize', { resize: 'crop' }, 'resize'],
    ['a temperature of 0', { temperature: '0' }, "'temperature' must be a number above 0"],
    ['a temperature that is none', { temperature: '"warm"' }, "'temperature' must be a number above 0"],
  ])('is refused with %s', (_, wrong, message) => {
    const text = { ...modelMetadataText(METADATA), ...wrong };
    expect(() => readModelMetadata(text, 'a.safetensors')).toThrow(
      expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(message) }),
    );
  });

  test('is refused where it is missing, naming the file', () => {
    expect(() => readModelMetadata({}, 'a.safetensors')).toThrow(
      'a.safetensors holds weights, but no classes, image size and preprocessing',
    );
  });
});

describe('readNormalisation', () => {
  test("takes the file's own", () => {
    const own = { mean: '[0.1,0.2,0.3]', std: '[1,1,1]' };
    expect(readNormalisation(own, 'a')).toEqual({ mean: [0.1, 0.2, 0.3], std: [1, 1, 1] });
  });

  test("is ImageNet's where the file says nothing", () => {
    expect(readNormalisation({}, 'a')).toEqual(IMAGENET_NORMALISATION);
  });

  test('refuses half of one', () => {
    expect(() => readNormalisation({ mean: '[0,0,0]' }, 'a')).toThrow("'std'");
  });
});
