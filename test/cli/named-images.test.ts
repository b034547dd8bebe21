import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { namedImages } from '../../lib/cli/named-images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const FILES = [
  '.hidden.png',
  'a/.b/one.png',
  'a/b/two.jpg',
  'a/notes.txt',
  'a/three.png',
  'gray.png',
  'gr[ae]y.png',
];

/** What names come to in a directory with these files, in its terms. */
async function named(...names: string[]): Promise<string[]> {
  // As many users have: a hidden folder above.
  const directory = join(temporaryDirectory(), '.cache');
  for (const file of FILES) {
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    writeFileSync(join(directory, file), '');
  }
  const images = await namedImages(names.map((name) => (name === '-' ? name : join(directory, name))));
  return images.map((path) => (path === '-' ? path : relative(directory, path)));
}

describe('images on the command line', () => {
  test.for<[pattern: string, images: string[]]>([
    ['*.png', ['gr[ae]y.png', 'gray.png']],
    ['a/*', ['a/three.png']],
    ['**/*.{jpg,png}', ['a/b/two.jpg', 'a/three.png', 'gr[ae]y.png', 'gray.png']],
    ['a/t?re*.[jp]*', ['a/three.png']],
    ['a/.b/*', ['a/.b/one.png']],
  ])('%s is a pattern', async ([pattern, images]) => {
    expect(await named(pattern)).toEqual(images);
  });

  test('a name that is there is no pattern', async () => {
    expect(await named('gr[ae]y.png', 'gr[a]y.png')).toEqual(['gr[ae]y.png', 'gray.png']);
  });

  test('come in the order of the arguments, a folder with the folders in it', async () => {
    expect(await named('gray.png', '-', 'a', 'gray.png')).toEqual([
      'gray.png',
      '-',
      'a/b/two.jpg',
      'a/three.png',
      'gray.png',
    ]);
  });

  test.for<[name: string, message: RegExp]>([
    ['*.webp', /There is no file '.*\*\.webp', and no image matches it/],
    ['a/*.txt', /no image matches it/],
    ['none.png', /Cannot read .*none\.png: there is no such file/],
    ['a/.b/../.b/none*/x.png', /no image matches it/],
  ])('%s names nothing', async ([name, message]) => {
    await expect(named(name)).rejects.toThrow(
      expect.objectContaining({ code: 'DATA_NOT_FOUND', message: expect.stringMatching(message) }),
    );
  });

  test('relative patterns stay relative', async () => {
    const directory = relative(process.cwd(), temporaryDirectory());
    writeFileSync(join(directory, 'a.png'), '');
    expect(await namedImages([join(directory, '*.png')])).toEqual([join(directory, 'a.png')]);
  });
});
