import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { replaceFile } from '../../lib/files/atomic-file.ts';
import { HeldDirectory } from '../../lib/files/held-directory.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function held(): { path: string; directory: HeldDirectory } {
  const path = join(temporaryDirectory(), 'run');
  mkdirSync(path);
  const directory = new HeldDirectory(path);
  onTestFinished(() => directory.close());
  return { path, directory };
}

describe('a held directory', () => {
  test('is in place, also after it was moved away and back', async () => {
    const { path, directory } = held();
    await directory.requireInPlace();
    renameSync(path, `${path}-aside`);
    expect(await directory.isInPlace()).toBe(false);
    renameSync(`${path}-aside`, path);
    await directory.requireInPlace();
  });

  test.for<[string, (path: string) => void]>([
    ['was moved', (path) => renameSync(path, `${path}-aside`)],
    ['was removed', (path) => rmSync(path, { recursive: true })],
    [
      'gave way to another one',
      (path) => {
        renameSync(path, `${path}-aside`);
        mkdirSync(path);
      },
    ],
    [
      // File systems give the number of a removed directory to the next one.
      'was removed and made again',
      (path) => {
        rmSync(path, { recursive: true });
        mkdirSync(path);
      },
    ],
  ])('that %s is not written to', async ([, change]) => {
    const { path, directory } = held();
    change(path);
    const wasThere = existsSync(path);
    await expect(directory.requireInPlace()).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining(`${path} any more: the directory was moved, removed or replaced`),
    });
    expect(existsSync(path)).toBe(wasThere);
  });

  test.runIf(process.platform === 'linux')(
    'that gives way to another one while it is written to keeps what is written',
    async () => {
      const { path, directory } = held();
      renameSync(path, `${path}-aside`);
      mkdirSync(path);
      for (const text of ['first', 'second']) {
        await replaceFile(directory.pathOf('progress.json'), Buffer.from(text));
        expect(readFileSync(join(`${path}-aside`, 'progress.json'), 'utf8')).toBe(text);
      }
      expect(readdirSync(`${path}-aside`)).toEqual(['progress.json']);
      expect(readdirSync(path)).toEqual([]);
    },
  );

  test('that does not exist is WRITE_FAILED', () => {
    const path = join(temporaryDirectory(), 'nowhere');
    expect(() => new HeldDirectory(path)).toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED', message: expect.stringContaining(path) }),
    );
  });
});
