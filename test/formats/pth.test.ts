import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import * as pickle from '../../lib/formats/pickle-writer.ts';
import { type Item, itemsOf } from '../../lib/formats/pth/contents.ts';
import { readPth } from '../../lib/formats/pth/pth.ts';
import { TorchTensor } from '../../lib/formats/pth/tensors.ts';
import { readWeights } from '../../lib/weights/read-weights.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import {
  type Stored,
  stateOf,
  torchArchive,
  viewOf,
  withByte,
  withMethod,
  withName,
} from '../support/torch-files.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/pth-reader', import.meta.url));

type Expected = { loads: true; items: Array<[string, string, number[] | null, string?]> } | { loads: false };
const EXPECTED: { files: Record<string, Expected> } = JSON.parse(
  readFileSync(join(FIXTURES, 'EXPECTED.json'), 'utf8'),
);
const files = Object.entries(EXPECTED.files).map(
  ([name, expected]) => [name.replace('pth/burn-reader/', ''), expected] as const,
);
const refuse = (problem: string) => new InputError('WEIGHTS_INVALID', problem);

describe("files that torch.save wrote are read as PyTorch's weights_only loader reads them", () => {
  test.for(files)('%s', async ([name, expected]) => {
    const read = readPth(join(FIXTURES, name));
    if (!expected.loads) {
      await expect(read).rejects.toMatchObject({ code: 'WEIGHTS_INVALID' });
      return;
    }
    const items = [...itemsOf(await read, refuse)];
    expect(items.map(described)).toEqual(
      expected.items.map(([path, dtype, shape, hash]) =>
        shape === null ? [path] : [path, dtype, shape, hash],
      ),
    );
  });
});

function described({ path, value }: Item) {
  if (!(value instanceof TorchTensor)) return [path];
  const hash = createHash('sha256').update(value.read()).digest('hex').slice(0, 16);
  return [path, value.dtype, [...value.shape], hash];
}

describe('a damaged file', () => {
  test.for(['zip/nested_dict.pt', 'zip/complex_structure.pt', 'legacy/legacy_with_offsets.pt'])(
    '%s, with any one byte changed or cut off anywhere, is read or refused with a reason',
    async (name) => {
      const whole = readFileSync(join(FIXTURES, name));
      const path = join(temporaryDirectory(), 'damaged.pt');
      const outcomes = new Set<string>();
      for (let at = 0; at < whole.length; at += 1) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
        for (const bytes of [flipped, whole.subarray(0, at)]) {
          writeFileSync(path, bytes);
          outcomes.add(await outcomeOf(path));
        }
      }
      expect([...outcomes].sort()).toEqual(['read', 'refused']);
    },
  );

  async function outcomeOf(path: string): Promise<string> {
    try {
      for (const { value } of itemsOf(await readPth(path), refuse)) {
        if (value instanceof TorchTensor) value.read();
      }
      return 'read';
    } catch (error) {
      if (error instanceof InputError && error.code === 'WEIGHTS_INVALID') return 'refused';
      return String(error);
    }
  }
});

describe('a hostile file is refused, by name', () => {
  const four: Stored = { '0': Buffer.from('sixteen bytes...') };
  const callOf = (module: string, name: string, ...args: Buffer[]) =>
    pickle.call(pickle.global(module, name), ...args);

  test.for<[string, Buffer, Stored, RegExp]>([
    ['a call of os.system', callOf('os', 'system', pickle.text('true')), {}, /"os\.system".*state_dict/],
    ['a class of one’s own', callOf('models', 'Net'), {}, /"models\.Net"/],
    ['__builtin__.eval', callOf('__builtin__', 'eval', pickle.text('1')), {}, /"__builtin__\.eval"/],
    ['a name of a JavaScript object', callOf('torch', 'constructor'), {}, /"torch\.constructor"/],
    ['the opcode INST', Buffer.from('(ios\nsystem\n', 'latin1'), {}, /0x69, INST/],
    ['a tensor beyond its storage', viewOf({ size: [5] }), four, /byte 20 of a storage of 16/],
    ['an offset beyond its storage', viewOf({ offset: 1 }), four, /byte 20 of a storage of 16/],
    [
      'strides beyond its storage',
      viewOf({ size: [2, 2], stride: [3, 1] }),
      four,
      /byte 20 of a storage of 16/,
    ],
    ['a negative offset', viewOf({ offset: -1 }), four, /are not integers of at least 0/],
    ['a negative stride', viewOf({ stride: [-1] }), four, /are not integers of at least 0/],
    [
      'sizes whose product is beyond counting',
      viewOf({ size: [2 ** 31 - 1, 2 ** 31 - 1], stride: [0, 0] }),
      four,
      /repeats/,
    ],
    ['gigabytes out of one number', viewOf({ size: [2 ** 30], stride: [0] }), four, /repeats the bytes/],
    ['a storage that is not there', viewOf({ key: '7' }), four, /no "archive\/data\/7" inside/],
    ['a storage of another length', viewOf({ count: 1000 }), four, /takes 16 bytes, expected 4000/],
    [
      'a text that goes on beyond the file',
      Buffer.from('X\xff\xff\xff\x7fa', 'latin1'),
      {},
      /only 2 are left/,
    ],
    ['an empty stack', Buffer.from('0.', 'latin1'), {}, /an operation on an empty stack/],
    ['nothing', Buffer.alloc(0), {}, /an operation on an empty stack/],
    ['a list inside itself', Buffer.from(']q\x00h\x00a.', 'latin1'), {}, /no state_dict/],
    [
      'a dict inside itself',
      Buffer.from('}q\x00X\x01\x00\x00\x00ah\x00s.', 'latin1'),
      {},
      /more than 64 deep/,
    ],
  ])('%s', async ([, program, storages, reason]) => {
    const path = join(temporaryDirectory(), 'hostile.pt');
    writeFileSync(path, torchArchive(program, storages));
    await expect(readWeights(path)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringMatching(reason),
    });
  });

  test.for<[string, (archive: Buffer) => Buffer, RegExp]>([
    ['a damaged storage', (archive) => withByte(archive, archive.indexOf('sixteen')), /CRC-32/],
    [
      'two files of one name',
      (archive) => withName(archive, 'archive/version', 'archive/data.pk'),
      /has another name/,
    ],
    ['a compressed file', (archive) => withMethod(archive, 8), /compressed \(method 8\)/],
    [
      'a cut-off archive',
      (archive) => archive.subarray(0, archive.length - 1),
      /the end record .* is missing/,
    ],
    ['no archive at all', () => Buffer.from('PK\x03\x04'), /the end record .* is missing/],
  ])('%s', async ([, damage, reason]) => {
    const path = join(temporaryDirectory(), 'hostile.pt');
    writeFileSync(path, damage(torchArchive(viewOf(), four)));
    await expect(readWeights(path)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringMatching(reason),
    });
  });
});

describe('weights are found in what people save', () => {
  const dictOf = (items: Record<string, Buffer>) => pickle.dict(Object.entries(items));

  test.for<[string, Buffer, string[]]>([
    ['a state_dict', stateOf(['features.a', 'classifier.bias']), ['features.a', 'classifier.bias']],
    [
      'a checkpoint',
      dictOf({ epoch: pickle.integer(3), state_dict: stateOf(['features.a']) }),
      ['features.a'],
    ],
    ['a checkpoint with one dict of tensors', dictOf({ mine: stateOf(['features.a']) }), ['features.a']],
    [
      'a checkpoint with an average',
      dictOf({ state_dict_ema: stateOf(['b']), state_dict: stateOf(['a']) }),
      ['a'],
    ],
    ['DataParallel', stateOf(['module.features.a', 'module.b']), ['features.a', 'b']],
    [
      'a compiled DataParallel',
      stateOf(['module._orig_mod.features.a', 'module._orig_mod.b']),
      ['features.a', 'b'],
    ],
    [
      'names from before torchvision 0.3',
      stateOf([
        'features.denseblock1.denselayer1.norm.1.weight',
        'features.denseblock1.denselayer1.conv.2.weight',
      ]),
      ['features.denseblock1.denselayer1.norm1.weight', 'features.denseblock1.denselayer1.conv2.weight'],
    ],
  ])('%s', async ([, program, names]) => {
    const path = join(temporaryDirectory(), 'weights.pt');
    const storages = Object.fromEntries([0, 1].map((key) => [key, Buffer.alloc(4)]));
    writeFileSync(path, torchArchive(program, storages));
    const { tensors } = await readWeights(path);
    expect(tensors.map(({ name }) => name)).toEqual(names);
  });

  test('a file without any says what it has', async () => {
    const path = join(temporaryDirectory(), 'weights.pt');
    const program = dictOf({ a: stateOf(['x']), b: stateOf(['y']) });
    writeFileSync(path, torchArchive(program, { '0': Buffer.alloc(4) }));
    await expect(readWeights(path)).rejects.toThrow(
      /no state_dict was found in it: its tensors are a\.x, b\.y/,
    );
  });
});
