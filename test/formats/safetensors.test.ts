import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { TensorType } from '../../lib/engine/native-computation.ts';
import { readSafetensors, writeSafetensors } from '../../lib/formats/safetensors.ts';
import type { StoredTensor } from '../../lib/formats/stored-tensor.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const EMBEDDED = fileURLToPath(
  new URL('../../assets/densenet121-tiny-imagenet-distilled.safetensors', import.meta.url),
);

describe('a file that Python wrote', () => {
  test('has the tensors that Python reads from it', async () => {
    const { tensors, metadata } = await readSafetensors(EMBEDDED);
    expect(tensors).toHaveLength(604);
    expect(metadata.source).toMatch(/^Tiny ImageNet, 50,000 images, distilled from MobileNetV2/);
    expect(JSON.parse(metadata.mean as string)).toEqual([0.485, 0.456, 0.406]);

    const conv0 = find(tensors, 'features.conv0.weight');
    expect(conv0).toMatchObject({ dtype: 'float16', shape: [64, 3, 7, 7] });
    // What safetensors 0.8 gives in Python: tensor.flatten()[:4] and [-2:].
    expect(halves(conv0).slice(0, 4)).toEqual([
      0.11553955078125, 0.07513427734375, 0.060394287109375, 0.0625,
    ]);
    expect(halves(conv0).slice(-2)).toEqual([0.035369873046875, 0.06756591796875]);
    const last = find(tensors, 'features.denseblock4.denselayer16.conv2.weight');
    expect(last.shape).toEqual([32, 128, 3, 3]);
    expect(halves(last).slice(-2)).toEqual([0.0293426513671875, 0.02337646484375]);
  });

  test('keeps every byte of its data when it is written again', async () => {
    const { tensors } = await readSafetensors(EMBEDDED);
    const path = join(temporaryDirectory(), 'again.safetensors');
    await writeSafetensors(path, tensors, {});
    const original = readFileSync(EMBEDDED);
    const again = readFileSync(path);
    const data = again.subarray(8 + Number(again.readBigUInt64LE()));
    expect(data.equals(original.subarray(8 + Number(original.readBigUInt64LE())))).toBe(true);
  });
});

describe('a round trip', () => {
  const cases: Array<{ title: string; tensors: StoredTensor[]; metadata?: Record<string, string> }> = [
    { title: 'no tensors', tensors: [] },
    { title: 'a scalar', tensors: [tensor('step', 'int64', [])] },
    { title: 'empty tensors', tensors: [tensor('a', 'float32', [0]), tensor('b', 'uint8', [3, 0, 2])] },
    {
      title: 'every dtype, one unaligned',
      tensors: (['uint8', 'bfloat16', 'float16', 'float32', 'int64', 'float64'] as const).map((dtype) =>
        tensor(`of ${dtype}`, dtype, [3]),
      ),
    },
    {
      title: 'names that JavaScript or JSON could trip over',
      tensors: [
        '__proto__',
        'constructor',
        'toString',
        '',
        ' ',
        '0',
        '10',
        '9',
        'a"b\\',
        'é',
        '権重',
        '🎈',
        '\0',
      ].map((name) => tensor(name, 'float32', [2])),
    },
    {
      title: 'metadata',
      tensors: [tensor('a', 'float32', [1])],
      metadata: { classes: '["ship","truck"]', ['__proto__']: 'text', 'naïve "key"': '権重\n' },
    },
  ];

  test.each(cases)('keeps $title', async ({ tensors, metadata = {} }) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'file.safetensors');
    await writeSafetensors(path, tensors, metadata);
    const read = await readSafetensors(path);
    expect(byName(read.tensors)).toEqual(byName(tensors));
    expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
    expect(readdirSync(directory)).toEqual(['file.safetensors']);
  });

  test('gives metadata without inherited keys', async () => {
    const path = join(temporaryDirectory(), 'file.safetensors');
    await writeSafetensors(path, [], {});
    expect((await readSafetensors(path)).metadata.constructor).toBeUndefined();
  });
});

describe('writeSafetensors', () => {
  test('orders and aligns as the reference implementation does', async () => {
    const path = join(temporaryDirectory(), 'file.safetensors');
    const tensors = [
      tensor('z', 'uint8', [3]),
      tensor('b', 'float32', [1]),
      tensor('a', 'float32', [1]),
      tensor('c', 'int64', []),
    ];
    await writeSafetensors(path, tensors, { note: 'x' });
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = bytes.subarray(8, 8 + length).toString();
    // The text that safetensors 0.8 writes in Python for the same tensors.
    expect(header.trimEnd()).toBe(
      '{"__metadata__":{"note":"x"},"c":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
        '"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},' +
        '"z":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}',
    );
  });

  test.each([
    ['two tensors of one name', [tensor('a', 'float32', [1]), tensor('a', 'float32', [1])], /two of "a"/],
    ['data that is too short', [{ ...tensor('a', 'float32', [2]), shape: [3] }], /"a".*12 bytes.*8/],
    ['the name of the metadata', [tensor('__metadata__', 'float32', [1])], /__metadata__/],
    ['half a surrogate pair', [tensor('\ud800', 'float32', [1])], /Unicode/],
  ])('refuses %s', async (_, tensors, message) => {
    const directory = temporaryDirectory();
    const writing = writeSafetensors(join(directory, 'file'), tensors, {});
    await expect(writing).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(readdirSync(directory)).toEqual([]);
  });
});

const SIZES: Record<TensorType, number> = {
  float64: 8,
  int64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  uint8: 1,
};

/** A tensor whose bytes depend on its name. */
function tensor(name: string, dtype: TensorType, shape: number[]): StoredTensor {
  const length = shape.reduce((product, side) => product * side, SIZES[dtype]);
  return { name, dtype, shape, data: Uint8Array.from({ length }, (_, index) => 7 * index + name.length) };
}

function byName(tensors: StoredTensor[]): StoredTensor[] {
  return [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function find(tensors: StoredTensor[], name: string): StoredTensor {
  return tensors.find((candidate) => candidate.name === name) as StoredTensor;
}

/** The values of a float16 tensor. */
function halves({ data }: StoredTensor): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.byteLength / 2 }, (_, index) => {
    const bits = view.getUint16(2 * index, true);
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    const magnitude = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
    return bits & 0x8000 ? -magnitude : magnitude;
  });
}
