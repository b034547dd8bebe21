import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ImageCache } from '../../lib/data/image-cache.ts';
import { makeDirectory, removeTemporaries, writeFileAtomically } from '../../lib/files/atomic-file.ts';
import { lockFile } from '../../lib/files/file-lock.ts';
import { writePth } from '../../lib/formats/pth/write-pth.ts';
import { writeSafetensors } from '../../lib/formats/safetensors.ts';
import { unwritable } from '../../lib/support/files.ts';
import { canMount } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const content = [Buffer.from('new')];

describe('a file that is written through a symbolic link', () => {
  test.each([
    ['to a file', 'target', 'target'],
    ['to nothing yet', 'none', 'none'],
    ['to another link', 'chain', 'target'],
    ['through a linked directory and out of it again', 'inside/../target', 'deep/target'],
    ['by an absolute path', null, 'target'],
  ])('is the one that the link leads to, %s', async (_, link, target) => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'deep', 'inside'), { recursive: true });
    for (const name of ['target', 'deep/target']) writeFileSync(join(directory, name), 'old');
    symlinkSync(join('deep', 'inside'), join(directory, 'inside'));
    symlinkSync('target', join(directory, 'chain'));
    const path = join(directory, 'link');
    symlinkSync(link ?? join(directory, 'target'), path);
    await writeFileAtomically(path, content);
    expect(readlinkSync(path)).toBe(link ?? join(directory, 'target'));
    expect(readFileSync(join(directory, target), 'utf8')).toBe('new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(directory, { recursive: true }).filter((name) => /tmp/.test(String(name)))).toEqual(
      [],
    );
  });

  test('is so for every kind of file of weights', async () => {
    const directory = temporaryDirectory();
    const tensors = [{ name: 'a', dtype: 'uint8' as const, shape: [1], data: new Uint8Array(1) }];
    for (const [name, write] of [
      ['a.safetensors', (path: string) => writeSafetensors(path, tensors, {})],
      ['a.pth', (path: string) => writePth(path, tensors)],
    ] as const) {
      symlinkSync(`real-${name}`, join(directory, name));
      await write(join(directory, name));
      expect(lstatSync(join(directory, name)).isSymbolicLink()).toBe(true);
      expect(lstatSync(join(directory, `real-${name}`)).isFile()).toBe(true);
    }
  });

  test.each([
    ['a directory', '.', /it is a directory/],
    ['itself', 'link', /links form a loop/],
    ['a directory that is not there', 'none/file', /there is no such file or directory/],
    ['a device', '/dev/null', /it is not a regular file/],
  ])('is refused where the link leads to %s', async (_, target, reason) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'link');
    symlinkSync(target, path);
    const error = await writeFileAtomically(path, content).catch((cause: Error) => cause);
    expect(error).toMatchObject({ code: 'WRITE_FAILED', message: expect.stringMatching(reason) });
    expect(readlinkSync(path)).toBe(target);
    expect(readdirSync(directory)).toEqual(['link']);
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

test('a FIFO is not replaced', async () => {
  const path = join(temporaryDirectory(), 'fifo');
  execFileSync('mkfifo', [path]);
  await expect(writeFileAtomically(path, content)).rejects.toThrow(/fifo: it is not a regular file/);
  expect(lstatSync(path).isFIFO()).toBe(true);
});

test('a file keeps its mode', async () => {
  const path = join(temporaryDirectory(), 'file');
  writeFileSync(path, 'old');
  chmodSync(path, 0o600);
  await writeFileAtomically(path, content);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

/** A process that writes a file and does not come to an end; gives it when it has begun. */
async function endlessWriter(path: string) {
  const module = new URL('../../dist/files/atomic-file.js', import.meta.url).href;
  const text = `
    import { writeFileAtomically } from ${JSON.stringify(module)};
    async function* chunks() {
      yield Buffer.alloc(1000);
      console.log('begun');
      await new Promise((done) => setTimeout(done, 1e6));
    }
    await writeFileAtomically(${JSON.stringify(path)}, chunks());`;
  const writer = spawn(process.execPath, ['--input-type=module', '--eval', text]);
  onTestFinished(() => void writer.kill('SIGKILL'));
  await once(writer.stdout, 'data');
  return writer;
}

describe('what a killed process has left', () => {
  const temporaries = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.tmp'));

  test('goes with the next file that is written there, and not while it is being written', async () => {
    const directory = temporaryDirectory();
    const writer = await endlessWriter(join(directory, 'file'));
    const [temporary] = temporaries(directory);
    await writeFileAtomically(join(directory, 'other'), content);
    await removeTemporaries(directory);
    expect(temporaries(directory)).toEqual([temporary]);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect(temporaries(directory)).toEqual([temporary]);
    await writeFileAtomically(join(directory, 'third'), content);
    expect(readdirSync(directory).sort()).toEqual(['other', 'third']);
  });

  test('is nothing that only looks like it', async () => {
    const directory = temporaryDirectory();
    const name = '.torch-tl-0123456789abcdef.tmp';
    const others = ['.torch-tl-0123456789abcdef.tmp.bak', '.torch-tl-0123456789ABCDEF.tmp', 'a.tmp'];
    for (const other of others) writeFileSync(join(directory, other), '');
    mkdirSync(join(directory, name));
    symlinkSync('a.tmp', join(directory, name.replace('0', '1')));
    execFileSync('mkfifo', [join(directory, name.replace('0', '2'))]);
    const before = readdirSync(directory);
    await writeFileAtomically(join(directory, 'file'), content);
    expect(readdirSync(directory).sort()).toEqual([...before, 'file'].sort());
  });

  test('does not come of many who write in one directory at once', async () => {
    const directory = temporaryDirectory();
    const names = Array.from({ length: 50 }, (_, index) => `file-${index}`);
    await Promise.all(names.map((name) => writeFileAtomically(join(directory, name), content)));
    expect(readdirSync(directory).sort()).toEqual(names.sort());
  });
});

describe('a directory', () => {
  test('is made with those that it lies in, and may be there', async () => {
    const path = join(temporaryDirectory(), 'a', 'b', 'c');
    await Promise.all([makeDirectory(path), makeDirectory(path), makeDirectory(join(path, 'd'))]);
    await makeDirectory(path);
    expect(statSync(join(path, 'd')).isDirectory()).toBe(true);
  });

  test.each(['file', 'file/below', 'link', 'link/below'])(
    'is none where %s is something else',
    async (name) => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'file'), '');
      symlinkSync('none', join(directory, 'link'));
      await expect(makeDirectory(join(directory, name))).rejects.toThrow(/ENOTDIR|EEXIST/);
      expect(existsSync(join(directory, 'none'))).toBe(false);
    },
  );

  test.skipIf(process.platform !== 'linux')(
    'is refused at once where the system has no room for any',
    async () => {
      await expect(makeDirectory('/proc/self/none/below')).rejects.toThrow(/ENOENT|EACCES/);
    },
  );

  test.skipIf(!canMount)(
    'that cannot be made tells that the disk is read-only (mounts a tmpfs)',
    async () => {
      const disk = mounted('ro');
      const cause = await makeDirectory(join(disk, 'a', 'b')).catch((error: Error) => error);
      expect((unwritable(disk, cause) as Error).message).toMatch(/the file system is read-only \(EROFS\)/);
      const error = await writeFileAtomically(join(disk, 'file'), content).catch((failure: Error) => failure);
      expect(error).toMatchObject({ code: 'WRITE_FAILED', message: expect.stringMatching(/EROFS/) });
    },
  );
});

function mounted(options: string): string {
  const disk = temporaryDirectory();
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]).status).toBe(0);
  onTestFinished(() => void spawnSync('umount', [disk]));
  return disk;
}

test('a used-up quota has a name, though Node knows its number alone', () => {
  const cause = Object.assign(new Error('Unknown system error -122, write'), {
    code: 'Unknown system error -122',
    errno: -122,
    syscall: 'write',
  });
  expect((unwritable('/file', cause) as Error).message).toMatch(/the disk quota is used up.* \(EDQUOT\)/);
});

test.skipIf(process.platform !== 'linux')('no file stays open where opening another fails', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const root = temporaryDirectory();
  const place = { root, own: false, source: '/images' };
  const how = { imageSize: 32, resize: 'cover' as const };
  const cache = await ImageCache.open(place, how);
  await cache.close();
  const index = join(cache.directory, 'index.jsonl');
  writeFileSync(join(cache.directory, 'lock'), '');
  const before = open();
  // The second file cannot be opened as a directory is in its place.
  execFileSync('sh', ['-c', `rm "${index}"; mkdir "${index}"`]);
  for (let i = 0; i < 3; i++) await expect(ImageCache.open(place, how)).rejects.toThrow();
  for (let i = 0; i < 3; i++) expect(() => lockFile(root)).toThrow(/Cannot (write|lock)/);
  for (let i = 0; i < 3; i++) await expect(writeFileAtomically(root, content)).rejects.toThrow();
  expect(open()).toBe(before);
});
