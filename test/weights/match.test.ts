import { describe, expect, test } from 'vitest';
import type { HostTensor, TensorType } from '../../lib/engine/native-computation.ts';
import { matchWeights } from '../../lib/weights/match.ts';

const MODEL = [
  { name: 'features.conv0.weight', shape: [4, 3, 7, 7] },
  { name: 'features.norm0.weight', shape: [4] },
  { name: 'features.norm0.num_batches_tracked', shape: [] },
  { name: 'classifier.weight', shape: [10, 4] },
  { name: 'classifier.bias', shape: [10] },
];

describe('a backbone', () => {
  test('loads without a classifier and without counters', () => {
    expect(backbone([tensor('features.conv0.weight'), tensor('features.norm0.weight')])).toEqual([
      'features.conv0.weight',
      'features.norm0.weight',
    ]);
  });

  test("leaves another task's classifier out, whatever its shape", () => {
    const given = [...whole(), tensor('classifier.4.weight', [3, 3])];
    given[3] = tensor('classifier.weight', [200, 4]);
    expect(backbone(given)).toEqual([
      'features.conv0.weight',
      'features.norm0.weight',
      'features.norm0.num_batches_tracked',
    ]);
  });

  test('needs every other tensor', () => {
    expect(() => backbone([tensor('features.conv0.weight')])).toThrow(
      mismatch('The weights in here.safetensors do not fit the model. Missing: features.norm0.weight.'),
    );
  });

  test('takes no tensor that only looks like a classifier', () => {
    expect(() => backbone([...whole(), tensor('classifiers.weight', [1])])).toThrow(
      mismatch('Unexpected: classifiers.weight.'),
    );
  });
});

describe('a whole model', () => {
  test('loads everything', () => {
    expect(all(whole())).toEqual(MODEL.map(({ name }) => name));
  });

  test('may lack counters, or have ones that the model has not', () => {
    const given = whole().filter(({ name }) => !name.endsWith('num_batches_tracked'));
    expect(all([...given, tensor('features.norm5.num_batches_tracked', [], 'int64')])).toHaveLength(4);
  });

  test('names a classifier that is missing or of another shape', () => {
    const given = whole().filter(({ name }) => name !== 'classifier.bias');
    given[3] = tensor('classifier.weight', [200, 4]);
    expect(() => all(given)).toThrow(
      mismatch('Missing: classifier.bias. Different: classifier.weight ([200, 4], expected [10, 4]).'),
    );
  });

  test('tells a scalar from a list of one, and the same sides in another order', () => {
    const given = whole();
    given[1] = tensor('features.norm0.weight', []);
    given[3] = tensor('classifier.weight', [4, 10]);
    expect(() => all(given)).toThrow(mismatch('features.norm0.weight ([], expected [4])'));
    expect(() => all(given)).toThrow(mismatch('classifier.weight ([4, 10], expected [10, 4])'));
  });

  test('refuses integers as weights', () => {
    const given = whole();
    given[1] = tensor('features.norm0.weight', [4], 'int64');
    expect(() => all(given)).toThrow(mismatch('features.norm0.weight (int64, expected floating point)'));
  });

  test('lists five names, then how many more there are', () => {
    const extra = Array.from({ length: 8 }, (_, index) => tensor(`extra${index}`, [1]));
    expect(() => all([...whole(), ...extra])).toThrow(
      mismatch('Unexpected: extra0, extra1, extra2, extra3, extra4 and 3 more.'),
    );
  });
});

function backbone(given: HostTensor[]): string[] {
  return matchWeights(MODEL, given, { backboneOnly: true, file: 'here.safetensors' }).map(({ name }) => name);
}

function all(given: HostTensor[]): string[] {
  return matchWeights(MODEL, given, { backboneOnly: false, file: 'here.safetensors' }).map(
    ({ name }) => name,
  );
}

function mismatch(text: string): unknown {
  return expect.objectContaining({
    name: 'InputError',
    code: 'WEIGHTS_MISMATCH',
    message: expect.stringContaining(text),
  });
}

/** Every tensor of the model. */
function whole(): HostTensor[] {
  return MODEL.map(({ name }) =>
    tensor(name, undefined, name.endsWith('num_batches_tracked') ? 'int64' : 'float32'),
  );
}

/** A tensor of the shape that the model has, or of another. */
function tensor(name: string, shape?: number[], dtype: TensorType = 'float16'): HostTensor {
  const known = MODEL.find((entry) => entry.name === name)?.shape ?? [];
  return { name, dtype, shape: shape ?? known, data: new Uint8Array() };
}
