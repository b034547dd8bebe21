import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import { readSafetensors, writeSafetensors } from '../../lib/formats/safetensors.ts';
import type { StoredTensor } from '../../lib/formats/stored-tensor.ts';
import { requireSound } from '../../lib/weights/sound.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Files of strangers that are whole, and are no model.
 */

type Contents = Awaited<ReturnType<typeof readSafetensors>>;

/** A model's file with something changed. */
async function changed(change: (contents: Contents) => void): Promise<string> {
  const contents = await readSafetensors(await savedModel());
  change(contents);
  const path = join(temporaryDirectory(), 'model.safetensors');
  await writeSafetensors(path, contents.tensors, { ...contents.metadata });
  return path;
}

const flat = (units: number) => [
  { type: 'flatten' },
  { type: 'dense', units },
  { type: 'dense', units: 'classes' },
];

describe('metadata that no model has is refused, naming the file', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a size without end', { imageSize: 1e9 }, /'imageSize'/],
    ['a size that is infinite', { imageSize: '1e999' }, /'imageSize'/],
    ['a size of text', { imageSize: '"155"' }, /'imageSize'/],
    ['no classes', { classes: [] }, /'classes'/],
    ['one class', { classes: ['only'] }, /'classes'/],
    ['a class twice', { classes: ['a', 'a', ...'bcdefghi'] }, /'classes'/],
    ['classes that are numbers', { classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }, /'classes/],
    [
      'fewer classes than outputs',
      { classes: ['a', 'b', 'c'] },
      /names 3 classes, but classifier.weight is for 10/,
    ],
    [
      'more classes than outputs',
      { classes: Array.from({ length: 5000 }, (_, i) => `c${i}`) },
      /names 5000 classes/,
    ],
    ['a deviation of 0', { std: [0.2, 0, 0.2] }, /'std/],
    ['a negative deviation', { std: [0.2, -0.2, 0.2] }, /'std/],
    ['a deviation next to 0', { std: [1e-300, 0.2, 0.2] }, /'std/],
    ['a mean without end', { mean: '[1e999, 0, 0]' }, /'mean/],
    ['a mean that is null', { mean: [null, 0, 0] }, /'mean/],
    ['units without end', { head: flat(1e9) }, /head\[1\]\.units/],
    ['more units than there are tensors for', { head: flat(65_000) }, /its head has \d+ weights/],
    [
      'maps that are larger than all of the file',
      { imageSize: 4096, head: flat(64_000) },
      /its head has \d+ weights/,
    ],
    ['a head that nests without end', { head: '['.repeat(5000) + ']'.repeat(5000) }, /'head'/],
    ['another kind of resize', { resize: '__proto__' }, /'resize'/],
  ])('%s', async (_, wrong, reason) => {
    const path = await changed(({ metadata }) => {
      for (const [name, value] of Object.entries(wrong)) {
        metadata[name] = typeof value === 'string' ? value : JSON.stringify(value);
      }
    });
    const error = await DenseNet121.load(path).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'WEIGHTS_INVALID', message: expect.stringMatching(reason) });
    expect((error as Error).message).toContain(path);
  });
});

describe('weights that a model cannot compute with are refused by their names', () => {
  function set(name: string, value: number) {
    return ({ tensors }: Contents) => {
      const { data } = tensors.find((tensor) => tensor.name === name) as StoredTensor;
      new DataView(data.buffer, data.byteOffset).setFloat32(data.length - 4, value, true);
    };
  }

  test.each<[string, number]>([
    ['features.conv0.weight', Number.NaN],
    ['classifier.bias', Number.POSITIVE_INFINITY],
    ['features.norm5.running_mean', Number.NEGATIVE_INFINITY],
    ['features.denseblock4.denselayer16.norm2.running_var', -1],
  ])('%s with %d', async (name, value) => {
    const path = await changed(set(name, value));
    const refused = { code: 'WEIGHTS_INVALID', message: expect.stringContaining(` ${name}. `) };
    await expect(DenseNet121.load(path)).rejects.toMatchObject(refused);
    if (name.startsWith('classifier')) return;
    const options = { classes: ['a', 'b'], head: 'linear', imageSize: 32, weights: path } as const;
    await expect(DenseNet121.create(options)).rejects.toMatchObject(refused);
  });

  test('what a backbone does not take is not looked at', async () => {
    const path = await changed(set('classifier.bias', Number.NaN));
    const options = { classes: ['a', 'b'], head: 'linear', imageSize: 32, weights: path } as const;
    (await DenseNet121.create(options)).dispose();
  });

  /** By the numbers that IEEE 754 gives each type. */
  const BITS: Array<[HostTensor['dtype'], number, Array<[bits: bigint, isSound: boolean]>]> = [
    [
      'float16',
      2,
      [
        [0x7bffn, true],
        [0x7c00n, false],
        [0xfc00n, false],
        [0x7e00n, false],
        [0x8000n, true],
        [0x8001n, false],
      ],
    ],
    [
      'bfloat16',
      2,
      [
        [0x7f7fn, true],
        [0x7f80n, false],
        [0xff80n, false],
        [0x7fc0n, false],
        [0x8000n, true],
        [0x8001n, false],
      ],
    ],
    [
      'float32',
      4,
      [
        [0x7f7fffffn, true],
        [0x7f800000n, false],
        [0x7fc00000n, false],
        [0x80000000n, true],
        [0x80000001n, false],
      ],
    ],
    [
      'float64',
      8,
      [
        [0x47efffffe0000000n, true],
        [0x47f0000000000000n, false],
        [0x7ff8000000000000n, false],
        [0x8000000000000000n, true],
        [0xbff0000000000000n, false],
      ],
    ],
    ['int64', 8, [[0xffffffffffffffffn, true]]],
  ];

  test.each(BITS)('as %s', (dtype, size, cases) => {
    for (const [bits, isSound] of cases) {
      // At an odd place, as tensors may lie in a file.
      const bytes = new Uint8Array(1 + 3 * size);
      for (let i = 0; i < size; i++) bytes[1 + 2 * size + i] = Number((bits >> BigInt(8 * i)) & 0xffn);
      const tensor = { name: 'a.running_var', dtype, shape: [3], data: bytes.subarray(1) };
      const check = () => requireSound([tensor], 'here.safetensors');
      if (isSound) expect(check).not.toThrow();
      else expect(check).toThrow(/here\.safetensors.* a\.running_var\. /);
    }
  });
});
