import { describe, expect, test } from 'vitest';
import { fullLayerName } from '../../lib/layer-names.ts';

const TENSORS = [
  'features.conv0.weight',
  'features.denseblock4.denselayer1.norm1.running_mean',
  'features.norm5.weight',
  'classifier.1.weight',
];

describe('fullLayerName', () => {
  test("knows torchvision's names, of layers and of groups", () => {
    for (const name of ['features', 'features.denseblock4', 'features.norm5', 'classifier', 'classifier.1']) {
      expect(fullLayerName(name, TENSORS)).toBe(name);
    }
  });

  test("knows the backbone's without the word features", () => {
    expect(fullLayerName('denseblock4', TENSORS)).toBe('features.denseblock4');
    expect(fullLayerName('denseblock4.denselayer1.norm1', TENSORS)).toBe(
      'features.denseblock4.denselayer1.norm1',
    );
  });

  test('names the nearest for an unknown one', () => {
    expect(() => fullLayerName('denseblok4', TENSORS)).toThrow(
      "The model has no layer 'denseblok4'; did you mean 'denseblock4'?",
    );
  });

  test.each(['', 'features.', 'features.norm5.weight', 'layer4', 'denseblock'])("refuses '%s'", (name) => {
    expect(() => fullLayerName(name, TENSORS)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
