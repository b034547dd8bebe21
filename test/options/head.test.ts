import { describe, expect, test } from 'vitest';
import { type HeadLayer, headLayers, nativeHead } from '../../lib/options/head.ts';

const POOL: HeadLayer = { type: 'globalAveragePool' };
const LAST: HeadLayer = { type: 'dense', units: 'classes' };

describe('headLayers', () => {
  test("gives the paper's heads by name, in the paper's order", () => {
    const shown = (name: string) => headLayers(name).map(short);
    expect(shown('linear')).toEqual(['globalAveragePool', 'dense classes']);
    expect(shown('base')).toEqual(['globalAveragePool', 'dense classes']);
    expect(shown('base-optimized')).toEqual(
      'globalAveragePool,batchNorm,dense 256,relu,dense 128,batchNorm,relu,dropout 0.2,dense classes'.split(
        ',',
      ),
    );
    expect(shown('finetune')).toEqual(
      'flatten,batchNorm,dense 256,relu,batchNorm,dense 128,relu,dropout 0.2,dense classes'.split(','),
    );
  });

  test('gives a copy, so that nobody changes a named head', () => {
    const [pool] = headLayers('linear') as [HeadLayer];
    pool.type = 'relu' as never;
    expect(headLayers('linear')[0]).toEqual(POOL);
  });

  test('takes any list that pools first and ends in the classes', () => {
    const head = [POOL, { type: 'dropout', rate: 0 }, { type: 'dense', units: 7 }, LAST];
    expect(headLayers(head)).toEqual(head);
    expect(headLayers([{ type: 'flatten' }, LAST])).toEqual([{ type: 'flatten' }, LAST]);
  });

  test('names the nearest head for a misspelt one', () => {
    expect(() => headLayers('fine-tune')).toThrow("There is no head 'fine-tune'; did you mean 'finetune'?");
    expect(() => headLayers('resnet')).toThrow('named heads are linear, base, base-optimized, finetune');
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'head must be a name or a list of layers'],
    ['an empty list', [], "head must be a list that ends with a dense layer of units 'classes'"],
    ['a layer that is no object', [POOL, 'relu', LAST], 'head[1] must be an object with a type'],
    ['an unknown layer', [POOL, { type: 'softmax' }, LAST], 'head[1].type must be one of globalAveragePool'],
    ['no pool first', [LAST], 'head[0].type must be globalAveragePool or flatten'],
    ['a second pool', [POOL, { type: 'flatten' }, LAST], 'head[1].type must be neither globalAveragePool'],
    ['another end', [POOL, { type: 'dense', units: 10 }], "ends with a dense layer of units 'classes'"],
    ['no units', [POOL, { type: 'dense' }, LAST], 'head[1].units must be an integer from 1 to 65536'],
    ['zero units', [POOL, { type: 'dense', units: 0 }, LAST], 'head[1].units'],
    ['half a unit', [POOL, { type: 'dense', units: 1.5 }, LAST], 'head[1].units'],
    ['units as text', [POOL, { type: 'dense', units: '8' }, LAST], "not '8'"],
    [
      'a rate of one',
      [POOL, { type: 'dropout', rate: 1 }, LAST],
      'head[1].rate must be a number of at least 0 and less than 1',
    ],
    ['a negative rate', [POOL, { type: 'dropout', rate: -0.1 }, LAST], 'head[1].rate'],
    ['a rate that is no number', [POOL, { type: 'dropout', rate: Number.NaN }, LAST], 'head[1].rate'],
    ['another name for the rate', [POOL, { type: 'dropout', p: 0.2 }, LAST], 'head[1].rate'],
  ])('refuses %s', (_, head, message) => {
    expect(() => headLayers(head)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });
});

describe('nativeHead', () => {
  test('puts the number of classes in the place of their name', () => {
    expect(nativeHead(headLayers('linear'), 37)).toEqual([POOL, { type: 'dense', units: 37 }]);
  });
});

function short(layer: HeadLayer): string {
  if (layer.type === 'dense') return `dense ${layer.units}`;
  return layer.type === 'dropout' ? `dropout ${layer.rate}` : layer.type;
}
