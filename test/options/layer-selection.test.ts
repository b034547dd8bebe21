import { describe, expect, test } from 'vitest';
import { type LayerSelection, leafNamesOf, selectLayers } from '../../lib/options/layer-selection.ts';
import { nativeModel } from '../support/native.ts';

const LEAVES = [
  'features.conv0',
  'features.norm0',
  'features.denseblock3.denselayer1.norm1',
  'features.denseblock3.denselayer1.conv1',
  'features.denseblock3.denselayer12.norm1',
  'features.transition3.norm',
  'features.denseblock4.denselayer1.norm1',
  'features.norm5',
  'classifier.1',
  'classifier.4',
];
const BACKBONE = LEAVES.slice(0, 8);

describe('selectLayers', () => {
  test.each<[string, LayerSelection | LayerSelection[], string[]]>([
    ['a leaf', 'features.norm5', ['features.norm5']],
    ['a leaf of the backbone without features', 'norm5', ['features.norm5']],
    ['a group', 'denseblock4', ['features.denseblock4.denselayer1.norm1']],
    ['a group, and none whose name goes on', 'denseblock3.denselayer1', LEAVES.slice(2, 4)],
    ['the head', 'classifier', ['classifier.1', 'classifier.4']],
    ['features', 'features', BACKBONE],
    ['backbone', 'backbone', BACKBONE],
    ['a pattern over dots', '*.norm1', LEAVES.filter((leaf) => leaf.endsWith('.norm1'))],
    ['a pattern of groups', 'denseblock*', LEAVES.filter((leaf) => leaf.includes('denseblock'))],
    ['a pattern of one character', 'norm?', ['features.norm0', 'features.norm5']],
    ['a RegExp', /conv\d$/, ['features.conv0', 'features.denseblock3.denselayer1.conv1']],
    ['a RegExp that keeps its place', /^features\.norm/g, ['features.norm0', 'features.norm5']],
    ['everything through a group', { through: 'denseblock3' }, LEAVES.slice(0, 5)],
    ['everything through a leaf', { through: 'features.norm0' }, LEAVES.slice(0, 2)],
    [
      'several, in the order of the network',
      ['norm5', 'conv0', 'norm*'],
      ['features.conv0', 'features.norm0', 'features.norm5'],
    ],
    ['nothing', [], []],
  ])('takes %s', (_, selection, expected) => {
    expect(selectLayers(selection, LEAVES)).toEqual(expected);
  });

  test.each<[LayerSelection, string]>([
    ['denseblok4', "The model has no layer 'denseblok4'; did you mean 'denseblock4'?"],
    ['features.norm4', "The model has no layer 'features.norm4'; did you mean 'features.norm"],
    ['clasifier', "did you mean 'classifier'?"],
    ['bakcbone', "did you mean 'backbone'?"],
    ['layer4.*', "The model has no layer 'layer4.*'; names are torchvision's"],
    [{ through: 'denseblok3' }, "did you mean 'denseblock3'?"],
    [/resnet/, "The model has no layer '/resnet/'; names are torchvision's"],
  ])('refuses %s, and names the nearest', (selection, message) => {
    expect(() => selectLayers([/norm5/, selection], LEAVES)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  test.each(['', 'features.', 'features.norm5.weight', 'denseblock', 'denseblock3.denselayer', '+'])(
    "knows no layer '%s'",
    (name) => {
      expect(() => selectLayers(name, LEAVES)).toThrow('The model has no layer');
    },
  );
});

test("leafNamesOf gives the engine's layers in the order of the forward pass", async () => {
  const model = await nativeModel('finetune');
  const leaves = leafNamesOf(model.tensors().map(({ name }) => name));
  const described = await model.describe().result;
  const withTensors = described.filter(({ parameters }) => parameters > 0);
  expect(leaves).toEqual(withTensors.map(({ name }) => name));
});
