import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import { readCifar10Python } from '../../lib/data/cifar10/python.ts';
import { openData } from '../../lib/data/source.ts';
import { InputError } from '../../lib/errors.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/cifar10-python', import.meta.url));
const IMAGE = 3072;

/** A copy of the batches in one form, which a test may damage. */
function copyOf(form: string, into = temporaryDirectory()): string {
  cpSync(join(FIXTURES, form), into, { recursive: true });
  return into;
}

test.for(['python2', 'protocol2', 'protocol4', 'protocol5'])(
  'batches of the form %s are those of the binary one',
  async (form) => {
    const sample = await readCifar10Binary(join(packageRoot, 'assets', 'cifar10-sample'));
    const { classes, train, valid } = await readCifar10Python(join(FIXTURES, form));
    expect(classes).toEqual(sample.classes);
    for (const [found, whole, count] of [
      [train, sample.train, 2],
      [valid, sample.valid, 1],
    ] as const) {
      expect(found).toMatchObject({ count, height: 32, width: 32 });
      expect([...found.labels]).toEqual([...whole.labels.subarray(0, count)]);
      expect(Buffer.from(found.pixels).equals(Buffer.from(whole.pixels.subarray(0, count * IMAGE)))).toBe(
        true,
      );
    }
  },
);

test('the directory of the official archive is read in its place, and its validation file is named', async () => {
  const directory = temporaryDirectory();
  copyOf('python2', join(directory, 'cifar-10-batches-py'));
  const data = await openData(directory);
  expect(data).toMatchObject({ name: 'cifar10', validation: 'test_batch', train: { count: 2 } });
});

test("CIFAR-10's own class names stand in for a missing batches.meta", async () => {
  const directory = copyOf('python2');
  rmSync(join(directory, 'batches.meta'));
  expect((await readCifar10Python(directory)).classes[9]).toBe('truck');
});

describe('what cannot be read is refused, naming the file', () => {
  test.for<[string, string, (bytes: Buffer) => Buffer, RegExp]>([
    [
      'a cut-off batch',
      'data_batch_1',
      (bytes) => bytes.subarray(0, 5000),
      /data_batch_1 is not a batch for Python/,
    ],
    [
      'a batch that is no pickle',
      'test_batch',
      () => Buffer.from('hello'),
      /test_batch is not a batch for Python/,
    ],
    [
      'a batch with code of its own',
      'data_batch_1',
      () => Buffer.from('\x80\x02cos\nsystem\nU\x04true\x85R.', 'latin1'),
      /data_batch_1 names "os\.system".*no code of it was run/,
    ],
    [
      'a label over 9',
      'data_batch_1',
      (bytes) => withByte(bytes, bytes.indexOf(Buffer.from('labels')) + 13, 10),
      /data_batch_1 has the label 10 at index 0; labels are 0 to 9/,
    ],
    ['other data', 'data_batch_1', () => Buffer.from('\x80\x02}.', 'latin1'), /has no data and labels/],
    [
      'data of another shape',
      'test_batch',
      (bytes) => withByte(bytes, bytes.indexOf(Buffer.from('\x00\x0c', 'latin1')) - 2, 3),
      /must have data of 3072 bytes for each of its 1 labels/,
    ],
    [
      'eleven classes, two of one name',
      'batches.meta',
      (bytes) => {
        const name = Buffer.from('U\x05truck', 'latin1');
        const at = bytes.indexOf(name);
        return Buffer.concat([bytes.subarray(0, at), name, bytes.subarray(at)]);
      },
      /must name 10 different classes/,
    ],
    [
      'nine classes',
      'batches.meta',
      (bytes) => renamed(bytes, 'truck', 'horse'),
      /must name 10 different classes/,
    ],
  ])('%s', async ([, name, damage, message]) => {
    const directory = copyOf('python2');
    writeFileSync(join(directory, name), damage(readFileSync(join(directory, name))));
    await expect(readCifar10Python(directory)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(message),
    });
  });

  test('no test_batch', async () => {
    const directory = copyOf('python2');
    rmSync(join(directory, 'test_batch'));
    await expect(readCifar10Python(directory)).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
  });

  test('any byte outside the images changed, or an end anywhere', async () => {
    const directory = copyOf('protocol4');
    const path = join(directory, 'test_batch');
    const whole = readFileSync(path);
    const outcomes = new Set<string>();
    for (let at = 0; at < whole.length; at = at === 200 ? whole.length - 200 : at + 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0x10;
      for (const bytes of [changed, whole.subarray(0, at)]) {
        writeFileSync(path, bytes);
        const outcome = await readCifar10Python(directory).then(
          () => 'read',
          (error: unknown) => (error instanceof InputError ? 'refused' : String(error)),
        );
        outcomes.add(outcome);
      }
    }
    expect([...outcomes].sort()).toEqual(['read', 'refused']);
  });
});

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}

function renamed(bytes: Buffer, from: string, to: string): Buffer {
  bytes.write(to, bytes.indexOf(from), 'latin1');
  return bytes;
}
