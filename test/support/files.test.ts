import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InputError, TorchTlError } from '../../lib/errors.ts';
import { writeFileAtomically } from '../../lib/files/atomic-file.ts';
import { hashOfFile, reason, unreadable } from '../../lib/support/files.ts';
import { canMount, smallDisk } from './small-disk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const isRoot = process.getuid?.() === 0;

describe('writeFileAtomically', () => {
  test('writes the chunks in order and leaves no other file', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'file');
    await writeFileAtomically(path, [Buffer.from('one '), Buffer.alloc(0), Buffer.from('two')]);
    expect(readFileSync(path, 'utf8')).toBe('one two');
    expect(readdirSync(directory)).toEqual(['file']);
  });

  test('takes chunks that come in time, and many at once', async () => {
    const path = join(temporaryDirectory(), 'file');
    const chunk = Buffer.alloc(700_000, 7);
    async function* chunks() {
      for (let count = 0; count < 5; count++) yield chunk;
    }
    await writeFileAtomically(path, chunks());
    expect(readFileSync(path).equals(Buffer.alloc(5 * chunk.length, 7))).toBe(true);
  });

  test('replaces an older file', async () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, 'a longer old content');
    await writeFileAtomically(path, [Buffer.from('new')]);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  test('keeps the older file and passes the error on when the chunks fail', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'file');
    writeFileSync(path, 'old');
    const failure = new Error('no more chunks');
    async function* chunks() {
      yield Buffer.from('part');
      throw failure;
    }
    await expect(writeFileAtomically(path, chunks())).rejects.toBe(failure);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(['file']);
  });

  test('names a missing directory', async () => {
    const path = join(temporaryDirectory(), 'none', 'file');
    const error = await failureOf(writeFileAtomically(path, [Buffer.from('x')]));
    expect(error).toBeInstanceOf(TorchTlError);
    expect(error).toMatchObject({ code: 'WRITE_FAILED', cause: { code: 'ENOENT' } });
    expect(error.message).toContain(path);
  });

  test('refuses to replace a directory', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'taken'));
    const error = await failureOf(writeFileAtomically(join(directory, 'taken'), [Buffer.from('x')]));
    expect(error).toMatchObject({ code: 'WRITE_FAILED' });
    expect(readdirSync(directory)).toEqual(['taken']);
  });

  test.skipIf(isRoot)('names a directory that may not be written (root may write everywhere)', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o555);
    const error = await failureOf(writeFileAtomically(join(directory, 'file'), [Buffer.from('x')]));
    expect(error).toMatchObject({ code: 'WRITE_FAILED', cause: { code: 'EACCES' } });
  });

  test.skipIf(!canMount)(
    'keeps the older file on a full disk (needs the right to mount a tmpfs)',
    async () => {
      const disk = smallDisk();
      const path = join(disk, 'file');
      writeFileSync(path, 'old');
      const error = await failureOf(writeFileAtomically(path, [Buffer.alloc(200_000)]));
      expect(error).toMatchObject({ code: 'WRITE_FAILED', cause: { code: 'ENOSPC' } });
      expect(error.message).toMatch(/no space is left/);
      expect(readFileSync(path, 'utf8')).toBe('old');
      expect(readdirSync(disk)).toEqual(['file']);
    },
  );
});

describe('hashOfFile', () => {
  test('gives the known digests', async () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, 'abc');
    expect(await hashOfFile(path)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    writeFileSync(path, '');
    expect(await hashOfFile(path)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  test('names a file that is not there, and a directory', async () => {
    const directory = temporaryDirectory();
    const missing = await failureOf(hashOfFile(join(directory, 'none')));
    expect(missing).toBeInstanceOf(InputError);
    expect(missing).toMatchObject({ code: 'FILE_UNREADABLE' });
    expect(missing.message).toContain(join(directory, 'none'));
    expect((await failureOf(hashOfFile(directory))).message).toMatch(/is a directory/);
  });
});

describe('unreadable', () => {
  test('takes the code it is given', () => {
    const cause = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    const error = unreadable('/some/file', cause, 'DATA_INVALID');
    expect(error).toMatchObject({ code: 'DATA_INVALID', cause });
    expect((error as Error).message).toBe('Cannot read /some/file: EIO: i/o error, read.');
  });

  test("leaves an error that is not the system's as it is", () => {
    const cause = new TypeError('a bug');
    expect(unreadable('/some/file', cause)).toBe(cause);
  });
});

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable('it should have failed'),
    (error: Error) => error,
  );
}

describe('reason', () => {
  test.each<[string, (path: string) => unknown, string]>([
    ['a directory in place of a file', (path) => rmSync(path), 'it is a directory (EISDIR)'],
    ['a directory that is not empty', (path) => rmdirSync(path), 'directory not empty (ENOTEMPTY)'],
    [
      'a directory that is to lie in itself',
      (path) => renameSync(path, join(path, 'below')),
      'invalid argument (EINVAL)',
    ],
  ])('says why the system refuses %s, without its path', (_, work, said) => {
    const path = join(temporaryDirectory(), 'taken');
    mkdirSync(join(path, 'inside'), { recursive: true });
    const error = thrownBy(() => work(path));
    expect(reason(error)).toBe(said);
  });
});

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It should have failed.');
}
