import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ArchiveProblem, unpackedSize, unzip } from '../../lib/libtorch/unzip.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { asLink, damaged, zipOf } from '../support/zip.ts';

describe('unzip', () => {
  test('unpacks files in folders, and says how far it is', async () => {
    const { archive, target } = files(zipOf({ 'a/one.txt': 'one', 'a/b/two.txt': 'zwei', 'empty.txt': '' }));
    expect(await unpackedSize(archive)).toBe(7);
    const done: number[] = [];
    await unzip(archive, target, { onProgress: (bytes) => done.push(bytes) });
    expect(readFileSync(join(target, 'a', 'b', 'two.txt'), 'utf8')).toBe('zwei');
    expect(readFileSync(join(target, 'empty.txt'), 'utf8')).toBe('');
    expect(done).toEqual([3, 7, 7]);
  });

  test('inflates what another program has compressed', async () => {
    const text = 'libtorch '.repeat(100_000);
    const source = writeTree(temporaryDirectory(), { 'text.txt': text });
    const archive = join(temporaryDirectory(), 'archive.zip');
    execFileSync('python3', ['-m', 'zipfile', '-c', archive, join(source, 'text.txt')]);
    expect(readFileSync(archive).length).toBeLessThan(text.length / 10);
    const target = temporaryDirectory();
    await unzip(archive, target);
    expect(readFileSync(join(target, 'text.txt'), 'utf8')).toBe(text);
  });

  test('makes a link to a file beside it, and none that leads elsewhere', async () => {
    const { archive, target } = files(
      asLink(zipOf({ 'lib/a.so.1': 'code', 'lib/a.so': 'a.so.1' }), 'lib/a.so'),
    );
    await unzip(archive, target);
    expect(readlinkSync(join(target, 'lib', 'a.so'))).toBe('a.so.1');
    for (const elsewhere of ['../../etc', '/etc', '..']) {
      const leading = files(asLink(zipOf({ link: elsewhere }), 'link'));
      await expect(unzip(leading.archive, leading.target)).rejects.toThrow(
        `its link link leads to ${elsewhere}, which is not in the same directory`,
      );
    }
  });

  test.each(['../outside.txt', '/outside.txt', 'a/../../outside.txt'])(
    'refuses the name %s',
    async (name) => {
      const { archive, target } = files(zipOf({ [name]: 'text' }));
      await expect(unzip(archive, target)).rejects.toThrow(ArchiveProblem);
      expect(existsSync(join(target, '..', 'outside.txt'))).toBe(false);
    },
  );

  test('finds a changed byte by the CRC', async () => {
    const { archive, target } = files(damaged(zipOf({ 'one.txt': 'content' }), 'content'));
    await expect(unzip(archive, target)).rejects.toThrow('its file one.txt is damaged (wrong CRC-32)');
  });

  test('finds a cut by the directory at the end', async () => {
    const { archive } = files(zipOf({ 'one.txt': 'content' }).subarray(0, -30));
    await expect(unpackedSize(archive)).rejects.toThrow(ArchiveProblem);
  });

  test('stops at an abort', async () => {
    const { archive, target } = files(zipOf({ 'one.txt': 'one', 'two.txt': 'two' }));
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    await expect(unzip(archive, target, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
    expect(readdirSync(target)).toEqual(['one.txt']);
  });

  function files(content: Buffer) {
    const [archive, target] = [join(temporaryDirectory(), 'archive.zip'), temporaryDirectory()];
    writeFileSync(archive, content);
    return { archive, target };
  }
});
