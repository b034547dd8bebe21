import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { describe, expect, test } from 'vitest';
import { unpackCifar10 } from '../../lib/data/cifar10/archive.ts';
import { readCifar10Python } from '../../lib/data/cifar10/python.ts';
import { readImageList } from '../../lib/data/image-list.ts';
import { InputError } from '../../lib/errors.ts';
import { finishedResults, readRunConfig } from '../../lib/experiments/run-config.ts';
import * as pickle from '../../lib/formats/pickle-writer.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import { openWeights, readWeights } from '../../lib/weights/read-weights.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchArchive, viewOf } from '../support/torch-files.ts';

/*
 * Files that are made to take time or memory, or to lead out of where they belong: each is refused, by its name and with
 * a reason, in time that goes with its size.
 */

/** Hundreds of times what any of these takes on a quiet machine that does no work by the square of a size. */
const BOUND_MS = 30_000;
const MEMORY = 3e9;

/** What reading comes to, null where it fails at nothing, within the bounds. */
async function bounded(read: () => Promise<unknown>): Promise<unknown> {
  const [started, before] = [performance.now(), process.memoryUsage.rss()];
  const error = await read().then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(performance.now() - started).toBeLessThan(BOUND_MS);
  expect(process.memoryUsage.rss() - before).toBeLessThan(MEMORY);
  return error;
}

async function refusal(file: string, read: () => Promise<unknown>): Promise<InputError> {
  const error = await bounded(read);
  expect(error).toBeInstanceOf(InputError);
  expect((error as Error).message).toContain(file);
  return error as InputError;
}

function fileOf(name: string, ...contents: Uint8Array[]): string {
  const file = join(temporaryDirectory(), name);
  writeFileSync(file, Buffer.concat(contents));
  return file;
}

describe('a header of safetensors of the greatest length', () => {
  const LENGTH = 100_000_000;

  test.each<[string, string, string, RegExp]>([
    ['spaces', '', ' ', /is not JSON/],
    ['quotes', '', '"', /more than 1000000 values/],
    ['colons', '{"a"', ':', /more than 1000000 values/],
    ['brackets', '{"a":', '[', /more than 1000000 values/],
    ['backslashes', '{"', '\\', /is not JSON/],
    ['digits', '{"a":', '1', /is not JSON/],
    ['bytes that are no UTF-8', '{"', '\xff', /is not UTF-8/],
  ])('of %s is refused soon', async (_, start, rest, reason) => {
    const header = Buffer.alloc(LENGTH, rest, 'latin1');
    header.write(start);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(LENGTH));
    const file = fileOf('a.safetensors', length, header);
    const error = await refusal(file, () => readSafetensors(file));
    expect(error).toMatchObject({ code: 'WEIGHTS_INVALID', message: expect.stringMatching(reason) });
  });
});

describe('a file of torch.save', () => {
  const remembered = (index: number) => Buffer.concat([Buffer.from('r'), uint32(index)]);
  const recalled = (index: number) => Buffer.concat([Buffer.from('j'), uint32(index)]);
  const repeated = (bytes: Buffer, times: number) => Buffer.alloc(bytes.length * times, bytes);
  const MARK = Buffer.from('(');
  const list = (items: Buffer) => Buffer.concat([Buffer.from(']('), items, Buffer.from('e')]);

  /** Pieces of pickles that a small file makes much of. */
  const BOMBS: Array<[string, () => Buffer, RegExp]> = [
    ['of more operations than any needs', () => list(Buffer.alloc(3_000_000, 'N')), /operations/],
    [
      'that copies one text again and again',
      () => {
        const encode = pickle.global('_codecs', 'encode');
        const kept = Buffer.concat([
          encode,
          remembered(0),
          Buffer.from('0'),
          pickle.text('x'.repeat(1e6)),
          remembered(1),
          pickle.text('latin1'),
          remembered(2),
        ]);
        const again = Buffer.concat([recalled(0), MARK, recalled(1), recalled(2), Buffer.from('tR')]);
        return list(Buffer.concat([kept, repeated(again, 100_000)]));
      },
      /calls that take the same values too many times/,
    ],
    [
      'that makes dicts of one list again and again',
      () => {
        const pair = Buffer.concat([
          pickle.text('a'),
          pickle.FALSE,
          Buffer.from('\x86', 'latin1'),
          remembered(2),
        ]);
        const pairs = list(Buffer.concat([pair, repeated(recalled(2), 300_000)]));
        const kept = Buffer.concat([
          pickle.global('collections', 'OrderedDict'),
          remembered(0),
          pairs,
          remembered(1),
        ]);
        const again = Buffer.concat([recalled(0), MARK, recalled(1), Buffer.from('tR')]);
        return list(Buffer.concat([kept, repeated(again, 100_000)]));
      },
      /calls that take the same values too many times/,
    ],
    [
      'with a list in itself',
      () => Buffer.concat([Buffer.from(']'), remembered(0), recalled(0), Buffer.from('a')]),
      /nest more than 64 deep|holds no dict/,
    ],
    [
      'with lists of lists of lists, each of the same ones',
      () => {
        let value = list(pickle.FALSE);
        for (let depth = 0; depth < 20; depth++) {
          value = list(Buffer.concat([value, remembered(depth), repeated(recalled(depth), 9)]));
        }
        return value;
      },
      /more than 1000000 values|holds no dict/,
    ],
    [
      'with a key as long as a book before every tensor',
      () =>
        pickle.dict([
          ['k'.repeat(1e6), viewOf()],
          ['b', viewOf()],
        ]),
      /the keys that lead to .* more than 4096 characters|no state_dict/,
    ],
    [
      'with one dict in a great many places',
      () => {
        const empty = pickle.dict(Array.from({ length: 100_000 }, (_, i) => [String(i), pickle.FALSE]));
        const names = Array.from({ length: 100_000 }, (_, i) =>
          Buffer.concat([pickle.text(`k${i}`), recalled(0)]),
        );
        return Buffer.concat([empty, remembered(0), Buffer.from('0}('), ...names, Buffer.from('u')]);
      },
      /more than 1000000 values|it has no tensors|operations/,
    ],
    [
      'with one tensor in a great many places',
      () => {
        const tensor = viewOf({ size: [200_000], stride: [0] });
        return Buffer.concat([tensor, remembered(0), Buffer.from('0'), list(repeated(recalled(0), 100_000))]);
      },
      /its tensors share bytes|holds no dict/,
    ],
    [
      'with a text for bytes of which a character is no byte',
      () => pickle.call(pickle.global('_codecs', 'encode'), pickle.text('a\u069b'), pickle.text('latin1')),
      /a character that is no byte/,
    ],
    [
      'with a text for bytes in another encoding',
      () => pickle.call(pickle.global('_codecs', 'encode'), pickle.text('aé'), pickle.text('utf-8')),
      /another encoding than latin1/,
    ],
    ['of quantised tensors', () => pickle.global('torch', 'QInt8Storage'), /quantised tensors.*dequantize/],
    ['of sparse tensors', () => pickle.global('torch._utils', '_rebuild_sparse_tensor'), /sparse.*to_dense/],
    ['that brings its own code', () => pickle.global('os', 'system'), /Code in files is never run/],
  ];

  test.each(BOMBS)('%s is refused, and listed in bounded time', async (_, value, reason) => {
    const file = fileOf('a.pth', torchArchive(value(), { 0: Buffer.alloc(16) }));
    const error = await refusal(file, () => readWeights(file));
    expect(error).toMatchObject({ code: 'WEIGHTS_INVALID', message: expect.stringMatching(reason) });
    const listing = await bounded(async () => {
      for (const _tensor of (await openWeights(file)).tensors);
    });
    if (listing !== null) expect(listing).toMatchObject({ code: 'WEIGHTS_INVALID' });
  });

  test('with bytes behind its end is not called truncated, and one that is truncated is', async () => {
    const whole = torchArchive(viewOf(), { 0: Buffer.alloc(16) });
    const longer = fileOf('a.pth', whole, Buffer.from('garbage'));
    expect((await refusal(longer, () => readWeights(longer))).message).toMatch(/7 bytes .* follow its end/);
    const shorter = fileOf('a.pth', whole.subarray(0, -10));
    expect((await refusal(shorter, () => readWeights(shorter))).message).toMatch(/the file may be truncated/);
  });

  test('is not suspected behind every length that ends in 0x80', async () => {
    for (const length of [0x80, 0x180, 0x0280, 0x0580, 0x950280]) {
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(length));
      const file = fileOf('a.safetensors', prefix, Buffer.from('{}'));
      const { message } = await refusal(file, () => readSafetensors(file));
      expect(message).not.toContain('torch.save');
      expect((await refusal(file, () => readWeights(file))).message).toContain(
        'not a valid safetensors file',
      );
    }
    const pth = fileOf('a.safetensors', pickle.program(pickle.text('a text that is long enough')));
    expect((await refusal(pth, () => readSafetensors(pth))).message).toContain(
      'looks like a file of torch.save',
    );
  });
});

describe('an archive of CIFAR-10', () => {
  const BATCH = 'cifar-10-batches-bin/data_batch_1.bin';

  /** A member of a tar archive with a body of zeros of the size that its header says, or of `body`. */
  function member(path: string, type: 'File' | 'SymbolicLink' | 'Link', size = 0, body = size) {
    const header = new Header({ path, type, size, mode: 0o644, linkpath: '/etc/passwd' });
    header.encode();
    return Buffer.concat([header.block as Buffer, Buffer.alloc(Math.ceil(body / 512) * 512)]);
  }

  /** Of GNU's sparse type, which the library cannot write. */
  function sparse(whole: Buffer): Buffer {
    const changed = Buffer.from(whole);
    const sum = Number.parseInt(changed.toString('latin1', 148, 154), 8) + 'S'.charCodeAt(0) - 0x30;
    changed.write('S', 156);
    changed.write(sum.toString(8).padStart(6, '0'), 148);
    return changed;
  }

  const END = Buffer.alloc(1024);
  const FAR = [
    '../../evil',
    '/tmp/evil',
    'cifar-10-batches-bin/../../evil',
    'cifar-10-batches-bin/data_batch_1.bin/../x',
  ];

  test.each<[string, () => Buffer]>([
    ['of zeros', () => gzipSync(Buffer.alloc(40 << 20))],
    ['that unpacks to too much', () => gzipSync(Buffer.alloc(600 << 20), { level: 1 })],
    ['with a batch that is too large', () => gzipSync(Buffer.concat([member(BATCH, 'File', 65 << 20), END]))],
    ['with a batch that is not all there', () => gzipSync(member(BATCH, 'File', 30730, 512))],
    ['with a link in place of a batch', () => gzipSync(Buffer.concat([member(BATCH, 'SymbolicLink'), END]))],
    ['with a hard link in place of a batch', () => gzipSync(Buffer.concat([member(BATCH, 'Link'), END]))],
    ['with a sparse batch', () => gzipSync(Buffer.concat([sparse(member(BATCH, 'File', 512)), END]))],
    ...FAR.map((path): [string, () => Buffer] => [
      `with ${path}`,
      () => gzipSync(Buffer.concat([member(path, 'File', 512), END])),
    ]),
    ['that is cut off', () => gzipSync(Buffer.concat([member(BATCH, 'File', 512), END])).subarray(0, -9)],
  ])('%s is refused, and leaves nothing', async (_, content) => {
    const file = fileOf('cifar-10-binary.tar.gz', content());
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'parent'));
    const error = await refusal(file, () => unpackCifar10(file, join(directory, 'parent', 'out')));
    expect(error.code).toBe('DATA_INVALID');
    expect(readdirSync(directory, { recursive: true })).toEqual(['parent']);
  });

  test('for Python, with a pickle of too many operations, is refused', async () => {
    const directory = temporaryDirectory();
    for (const name of ['data_batch_1', 'test_batch']) {
      writeFileSync(
        join(directory, name),
        pickle.program(Buffer.concat([Buffer.from('('), Buffer.alloc(3e6, ']'), Buffer.from('t')])),
      );
    }
    const error = await refusal(directory, () => readCifar10Python(directory));
    expect(error.message).toMatch(/more than 1000000 operations/);
  });
});

describe('a list of images', () => {
  test.each<[string, string, () => Buffer]>([
    ['of one endless line', 'a.csv', () => Buffer.alloc(50 << 20, 'a')],
    [
      'with a quote that never closes',
      'a.csv',
      () => Buffer.concat([Buffer.from('path,label\n"'), Buffer.alloc(50 << 20, 'a')]),
    ],
    ['of JSON that nests as deep as it is long', 'a.jsonl', () => Buffer.alloc(20 << 20, '[')],
  ])('%s is refused', async (_, name, content) => {
    const file = fileOf(name, content());
    expect((await refusal(file, () => readImageList(file))).code).toBe('DATA_INVALID');
  });

  test('of zeros larger than any list is refused before it is read', async () => {
    const file = join(temporaryDirectory(), 'a.csv');
    const descriptor = openSync(file, 'w');
    writeSync(descriptor, 'path,label\n');
    ftruncateSync(descriptor, 2 ** 33);
    closeSync(descriptor);
    await refusal(file, () => readImageList(file));
  });
});

describe("a run's files", () => {
  test.each(['{"options":', '[', '{"formatVersion":1,"experiment":"train","options":{"a":'])(
    'that nest deeper than anything of ours are refused: %s',
    async (start) => {
      const depth = 100_000;
      const close = start.startsWith('[') ? ']' : '}'.repeat(start.split('{').length - 1);
      const file = fileOf(
        'config.json',
        Buffer.from(`${start}${'['.repeat(depth)}${']'.repeat(depth)}${close}`),
      );
      expect((await refusal(file, () => readRunConfig(file))).code).toBe('RUN_INVALID');
    },
  );

  test.each([
    '{}',
    '[]',
    '{"stoppedBecause":"epochs"}',
    '{"stoppedBecause":"epochs","epochs":7}',
    '"epochs"',
  ])('results.json that is none is refused: %s', async (text) => {
    const file = fileOf('results.json', Buffer.from(text));
    const error = await refusal(file, () => finishedResults(join(file, '..'), [{ epochs: 1 }]));
    expect(error.code).toBe('RUN_INVALID');
  });
});

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
