import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const A = '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}';
const B = '"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}';

/** A header, how many bytes of data follow it, and what the refusal must say. */
const HEADERS: Array<[string, string, number, RegExp]> = [
  ['no JSON', '{"a":', 8, /header .* is not JSON/],
  ['an empty header', '', 0, /header .* is not JSON/],
  ['spaces only', '        ', 0, /header .* is not JSON/],
  ['an array', '[]', 0, /must be a JSON object/],
  ['a string that does not end', '{"a', 0, /header .* is not JSON/],
  ['an escape that does not end', '{"a\\', 0, /header .* is not JSON/],
  ['a million values', `{"a":[${'0,'.repeat(1_000_000)}0]}`, 0, /more than 1000000 values/],
  ['a million lists in each other', `{"a":${'['.repeat(1_000_000)}`, 0, /more than 1000000 values/],
  ['null', 'null', 0, /must be a JSON object/],
  ['spaces before the object', `  {${A}}`, 8, /must be a JSON object, which starts with { at offset 8/],
  [
    'a side of -0',
    '{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}',
    0,
    /shape .* must be a list of integers of at least 0/,
  ],
  ['text after the object', `{${A}}x`, 8, /header .* is not JSON/],
  ['a byte-order mark', `\ufeff{${A}}`, 8, /header .* is not JSON/],
  ['an entry that is no object', '{"a":[]}', 0, /tensor "a": expected an object/],
  [
    'an entry without fields',
    '{"a":{}}',
    0,
    /tensor "a": dtype missing is not supported, expected one of F16/,
  ],
  [
    'an unknown dtype',
    entry({ dtype: 'F4' }),
    8,
    /"a": dtype "F4" is not supported, expected one of F16, BF16, F32/,
  ],
  ['a dtype in lower case', entry({ dtype: 'f32' }), 8, /dtype "f32" is not supported/],
  ['a dtype that is a list', entry({ dtype: ['F32'] }), 8, /dtype \["F32"\] is not supported/],
  ['a dtype of Object.prototype', entry({ dtype: 'constructor' }), 8, /dtype "constructor" is not supported/],
  ['a shape that is a number', entry({ shape: 2 }), 8, /shape 2 must be a list/],
  ['a negative side', entry({ shape: [-2] }), 8, /shape \[-2\] must be a list of integers of at least 0/],
  ['a fractional side', entry({ shape: [1.5] }), 8, /shape \[1.5\] must be/],
  [
    'a side beyond 2^53',
    '{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,8]}}',
    8,
    /shape .* must be/,
  ],
  ['a side that is text', entry({ shape: ['2'] }), 8, /shape \["2"\] must be/],
  ['a product beyond 2^53', entry({ shape: [2 ** 40, 2 ** 40] }), 8, /more than 2\^53 bytes/],
  [
    'such a product with a zero',
    entry({ shape: [2 ** 40, 2 ** 40, 0], data_offsets: [0, 0] }),
    0,
    /more than 2\^53 bytes/,
  ],
  ['an infinite side', '{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,8]}}', 8, /shape .* must be/],
  ['one offset', entry({ data_offsets: [8] }), 8, /data_offsets \[8\] must be two integers/],
  ['three offsets', entry({ data_offsets: [0, 8, 8] }), 8, /data_offsets \[0,8,8\] must be two/],
  [
    'a negative offset',
    entry({ data_offsets: [-8, 0] }),
    8,
    /data_offsets \[-8,0\] must be two integers of at least 0/,
  ],
  ['offsets that are text', entry({ data_offsets: ['0', '8'] }), 8, /must be two integers/],
  ['offsets in reverse', entry({ data_offsets: [8, 0] }), 8, /data_offsets \[8, 0\] must be in order/],
  ['offsets past the end', entry({}), 7, /data_offsets \[0, 8\] must be in order and within the 7 bytes/],
  [
    'too few bytes',
    entry({ data_offsets: [0, 4] }),
    4,
    /F32 of shape \[2\] takes 8 bytes, but data_offsets \[0, 4\] span 4/,
  ],
  ['too many bytes', entry({ data_offsets: [0, 9] }), 9, /takes 8 bytes.*span 9/],
  ['a scalar without bytes', entry({ shape: [], data_offsets: [0, 0] }), 0, /takes 4 bytes.*span 0/],
  ['bytes left over', `{${A}}`, 9, /last 1 of its 9 bytes of data belong to no tensor/],
  ['data without tensors', '{}', 1, /last 1 of its 1 bytes/],
  [
    'a hole at the start',
    '{"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}',
    12,
    /"b": the bytes .*, 0 to 8, belong to no tensor/,
  ],
  [
    'a hole between',
    `{${A},"b":{"dtype":"U8","shape":[2],"data_offsets":[9,11]}}`,
    11,
    /"b": the bytes .*, 8 to 9,/,
  ],
  [
    'an overlap',
    `{${A},"b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}}`,
    10,
    /"b": data_offsets \[6, 10\] overlap .* ends at 8/,
  ],
  ['the same bytes twice', `{${A},${A.replace('a', 'b')}}`, 8, /overlap/],
  [
    'an empty tensor inside another',
    `{${A},"b":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}`,
    8,
    /overlap/,
  ],
  ['a tensor twice', `{${A},${B},${A}}`, 12, /has the key "a" twice/],
  [
    'a tensor twice, once escaped',
    `{${A},"\\u0061":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}`,
    12,
    /has the key "a" twice/,
  ],
  [
    'a field twice',
    '{"a":{"dtype":"F32","shape":[2],"shape" :[2],"data_offsets":[0,8]}}',
    8,
    /has the key "shape" twice/,
  ],
  ['metadata twice', '{"__metadata__":{},"__metadata__":{}}', 0, /has the key "__metadata__" twice/],
  ['metadata that is text', '{"__metadata__":"x"}', 0, /__metadata__ must be an object of strings/],
  ['metadata that is null', '{"__metadata__":null}', 0, /__metadata__ must be an object of strings/],
  [
    'a number in the metadata',
    '{"__metadata__":{"epoch":1}}',
    0,
    /__metadata__ has a value at "epoch" that is not a string/,
  ],
  [
    'half a surrogate pair as a name',
    '{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    0,
    /name must be valid Unicode/,
  ],
  ['a name with control characters', '{"\\u001b[2J\\n":0}', 0, /tensor "\\u001b\[2J\\n": expected/],
  ['a very long name', `{"${'x'.repeat(5000)}":0}`, 0, /tensor "x{100}…": expected/],
];

describe('a hostile header is refused', () => {
  test.each(HEADERS)('%s', async (_, header, dataLength, message) => {
    await expectRefusal(fileOf(Buffer.from(header), dataLength), message);
  });

  test('that is not UTF-8', async () => {
    await expectRefusal(fileOf(Buffer.from([0x7b, 0xff, 0x7d]), 0), /header .* is not UTF-8/);
  });
});

describe('a file that is cut or no safetensors file at all is refused', () => {
  test.each<[string, Buffer, RegExp]>([
    ['an empty file', Buffer.alloc(0), /has 0 bytes, fewer than the 8 of the header's length/],
    ['seven bytes', Buffer.alloc(7), /has 7 bytes/],
    ['a header longer than the file', lengthThen(3n, '{}'), /length at offset 0 is 3, expected at most 2/],
    ['a length of 2^64 - 1', lengthThen(2n ** 64n - 1n, '{}'), /expected at most 2/],
    ['a zip file', Buffer.from('PK\x03\x04aaaaaaaa'), /looks like a file of torch.save/],
    [
      'a pickle',
      Buffer.from([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9]),
      /looks like a file of torch.save/,
    ],
    ['a web page', Buffer.from('<!DOCTYPE html><html></html>'), /length at offset 0/],
  ])('%s', async (_, bytes, message) => {
    await expectRefusal(bytes, message);
  });

  test('a header over the 100 MB of the format', async () => {
    const path = join(temporaryDirectory(), 'sparse');
    writeFileSync(path, lengthThen(100_000_001n, ''));
    truncateSync(path, 200_000_000);
    await expect(readSafetensors(path)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringMatching(/is 100000001, expected at most 100000000/),
    });
  });

  test('a terabyte that its header does not account for, without allocating it', async () => {
    const path = join(temporaryDirectory(), 'sparse');
    writeFileSync(path, fileOf(Buffer.from(`{${A}}`), 8));
    truncateSync(path, 2 ** 40);
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'WEIGHTS_INVALID' });
  });

  test('a directory, and a name that nothing has', async () => {
    const directory = temporaryDirectory();
    await expect(readSafetensors(directory)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringMatching(/is a directory/),
    });
    await expect(readSafetensors(join(directory, 'none'))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(join(directory, 'none')),
    });
  });

  test.skipIf(process.platform === 'win32')('a pipe, without waiting for it (Windows has none)', async () => {
    const path = join(temporaryDirectory(), 'pipe');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

test('of random changes to a valid file, each is read or refused, and nothing else', async () => {
  const valid = fileOf(Buffer.from(`{"__metadata__":{"k":"v"},${A},${B}}    `), 12);
  const path = join(temporaryDirectory(), 'mutated');
  const random = generator(20240229);
  let refused = 0;
  const rounds = 600;
  for (let round = 0; round < rounds; round++) {
    const mutated = mutate(valid, random);
    writeFileSync(path, mutated);
    try {
      const { tensors } = await readSafetensors(path);
      const bytes = tensors.reduce((sum, { data }) => sum + data.length, 0);
      expect(bytes).toBe(mutated.length - 8 - Number(mutated.readBigUInt64LE()));
    } catch (error) {
      expect(error, `round ${round}: ${mutated.toString('hex')}`).toBeInstanceOf(InputError);
      expect(error).toMatchObject({ code: 'WEIGHTS_INVALID' });
      refused++;
    }
  }
  // Neither all nor none: the loop reached both ends.
  expect(refused).toBeGreaterThan(rounds / 4);
  expect(refused).toBeLessThan(rounds);
});

/** A header of one float32 tensor `a` of two elements, with some fields changed. */
function entry(fields: Record<string, unknown>): string {
  return JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } });
}

function fileOf(header: Buffer, dataLength: number): Buffer {
  return Buffer.concat([lengthThen(BigInt(header.length), ''), header, Buffer.alloc(dataLength, 1)]);
}

function lengthThen(length: bigint, text: string): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length);
  return Buffer.concat([prefix, Buffer.from(text)]);
}

async function expectRefusal(bytes: Buffer, message: RegExp): Promise<void> {
  const path = join(temporaryDirectory(), 'hostile.safetensors');
  writeFileSync(path, bytes);
  const error: unknown = await readSafetensors(path).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({ code: 'WEIGHTS_INVALID', message: expect.stringMatching(message) });
  expect((error as Error).message).toContain(path);
}

/** One to three bytes replaced, dropped, doubled or cut off. */
function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let mutated: Buffer = Buffer.from(bytes);
  for (let change = random(3); change >= 0; change--) {
    const at = random(mutated.length);
    const before = mutated.subarray(0, at);
    const after = mutated.subarray(at);
    const digit = Buffer.from(String(random(10)));
    const anything = Buffer.from([random(256)]);
    mutated = [
      () => Buffer.concat([before, anything, after.subarray(1)]),
      () => Buffer.concat([before, digit, after.subarray(1)]),
      () => Buffer.concat([before, after.subarray(1)]),
      () => Buffer.concat([before, after.subarray(0, 1), after]),
      () => Buffer.from(before),
    ][random(5)]?.() as Buffer;
    if (mutated.length < 8) break;
  }
  return mutated;
}

/** A small seeded generator (mulberry32), so that a failure can be repeated. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
