import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listImageFolder } from '../../lib/data/image-folder.ts';
import { leftOutTexts } from '../../lib/data/left-out.ts';
import { writeTree } from '../support/libtorch.ts';
import { python, pythonLacks } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('listImageFolder', () => {
  test('finds classes and images in the order of their names, at any depth', async () => {
    const directory = folder(['b/2.jpg', 'b/10.JPEG', 'a/x.png', 'c/deep/er/y.webp', 'c/a.tiff']);
    const { classes, files, labels } = await listImageFolder(directory);
    expect(classes).toEqual(['a', 'b', 'c']);
    const names = ['a/x.png', 'b/10.JPEG', 'b/2.jpg', 'c/a.tiff', 'c/deep/er/y.webp'];
    expect(files).toEqual(names.map((name) => join(directory, name)));
    expect([...labels]).toEqual([0n, 1n, 1n, 2n, 2n]);
  });

  test('leaves out hidden files and folders, other files, and images without a class', async () => {
    const hidden = ['.git/a.png', 'cat/.b.png', 'cat/.thumbnails/c.png', '.DS_Store'];
    const directory = folder(['cat/a.png', ...hidden, 'cat/notes.txt', 'cat/Thumbs.db', 'loose.png']);
    expect(await listImageFolder(directory)).toMatchObject({
      classes: ['cat'],
      files: [join(directory, 'cat/a.png')],
    });
  });

  test('takes names in any script', async () => {
    const directory = folder(['猫/один.png', 'été/naïve kitten.jpg', '🦊/1.gif']);
    const { classes, files } = await listImageFolder(directory);
    expect(classes).toEqual(['été', '猫', '🦊']);
    expect(files[1]).toBe(join(directory, '猫/один.png'));
  });

  test('follows links to classes and images, and into no cycle', async () => {
    const elsewhere = folder(['one.png']);
    const directory = folder(['dog/a.png']);
    symlinkSync(elsewhere, join(directory, 'cat'));
    symlinkSync(join(elsewhere, 'one.png'), join(directory, 'dog/b.png'));
    symlinkSync('..', join(directory, 'dog/parent'));
    const { classes, files } = await listImageFolder(directory);
    expect(classes).toEqual(['cat', 'dog']);
    expect(files).toHaveLength(3);
  });

  test.skipIf(pythonLacks('os'))(
    'takes what Python finds as it follows links, where none goes round',
    async () => {
      const elsewhere = folder(['deep/1.png', 'deep/er/2.jpg', '.hidden/3.png', 'notes.txt']);
      const directory = folder(['ant/a.png', 'bee/b.png', 'bee/sub/c.png']);
      symlinkSync(join(elsewhere, 'deep'), join(directory, 'ant/linked'));
      symlinkSync(elsewhere, join(directory, 'bee/all'));
      symlinkSync(join(elsewhere, 'deep/1.png'), join(directory, 'bee/one.png'));
      const walked = await python(
        '-c',
        'import os, sys\n' +
          'for root, _, names in os.walk(sys.argv[1], followlinks=True):\n' +
          '  for name in names: print(os.path.join(root, name))',
        directory,
      );
      const expected = walked.split('\n').filter((path) => /\.(png|jpg)$/.test(path) && !path.includes('/.'));
      const { files, leftOut } = await listImageFolder(directory);
      expect([...files].sort()).toEqual(expected.sort());
      expect(files).toHaveLength(8);
      expect(leftOut).toMatchObject({ hidden: 1, others: 1, repeated: [], brokenLinks: [] });
    },
  );

  test('goes round with no link, and takes no image twice', async () => {
    const directory = folder(['ant/a.png', 'ant/x/b.png', 'bee/c.png']);
    const links = {
      'ant/x/self': '.',
      'ant/x/up': '..',
      'ant/root': directory,
      'ant/far': dirname(directory),
      'ant/z': 'x',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(directory, name));
    const { files, leftOut } = await listImageFolder(directory);
    expect(files).toEqual(['ant/a.png', 'ant/x/b.png', 'bee/c.png'].map((name) => join(directory, name)));
    expect(leftOut.repeated.sort()).toEqual(
      Object.keys(links)
        .map((name) => join(directory, name))
        .sort(),
    );
  });

  test('counts what it leaves out, and names links to nothing', async () => {
    const hidden = ['cat/.DS_Store', 'cat/.thumbnails/c.png', '.git/config', '__MACOSX/cat/._a.png'];
    const directory = folder(['cat/a.png', ...hidden, 'cat/notes.txt', 'loose.png', 'read.me']);
    symlinkSync('/nowhere', join(directory, 'cat/more'));
    symlinkSync('/nowhere', join(directory, 'dog'));
    const { leftOut } = await listImageFolder(directory);
    expect(leftOut).toEqual({
      ...{ hidden: 4, others: 2, loose: 1, unused: [], repeated: [] },
      brokenLinks: [join(directory, 'dog'), join(directory, 'cat/more')],
    });
    expect(leftOutTexts(leftOut)).toEqual([
      '4 hidden files and folders',
      '2 files that are not images',
      '1 image outside class folders',
      `2 broken links (${leftOut.brokenLinks.join(', ')})`,
    ]);
  });

  test('gives labels of known classes, whichever of them are there', async () => {
    const directory = folder(['dog/a.png', 'ant/b.png']);
    const known = ['ant', 'bee', 'cat', 'dog'];
    const { classes, labels } = await listImageFolder(directory, known);
    expect(classes).toEqual(known);
    expect([...labels]).toEqual([0n, 3n]);
  });

  test('names every class that is not known, and the nearest that is', async () => {
    const directory = folder(['daisey/a.png', 'rose/b.png', 'x-ray/c.png']);
    await expect(listImageFolder(directory, ['daisy', 'rose'])).rejects.toMatchObject(
      refused(
        'DATA_INVALID',
        "unknown classes: 'daisey' (did you mean 'daisy'?), 'x-ray'. The classes are daisy, rose.",
      ),
    );
  });

  test.each([
    ['is empty', [], '/cat contains no images. Add'],
    ['holds other files only', ['notes.txt'], '/cat contains no images, only other files such as notes.txt.'],
  ])('refuses a class that %s', async (_, files, message) => {
    const directory = folder(['dog/a.png', ...files.map((name) => `cat/${name}`)]);
    mkdirSync(join(directory, 'cat'), { recursive: true });
    await expect(listImageFolder(directory)).rejects.toMatchObject(refused('DATA_INVALID', message));
  });

  test('refuses a folder without classes, and one that is not there', async () => {
    const directory = folder(['loose.png']);
    await expect(listImageFolder(directory)).rejects.toMatchObject(
      refused('DATA_NOT_FOUND', `${directory} contains no class folders`),
    );
    const missing = join(directory, 'missing');
    await expect(listImageFolder(missing)).rejects.toMatchObject(refused('DATA_NOT_FOUND', missing));
    const file = join(directory, 'loose.png');
    await expect(listImageFolder(file)).rejects.toMatchObject(refused('DATA_NOT_FOUND', file));
  });

  test('refuses to take the parts of a data set for its classes', async () => {
    const directory = folder(['train/cat/a.png', 'valid/cat/b.png']);
    await expect(listImageFolder(directory)).rejects.toMatchObject(
      refused('DATA_INVALID', `use ${join(directory, 'train')} or ${join(directory, 'valid')}`),
    );
  });

  test('lists a link to nothing, which is named when it is to be decoded', async () => {
    const directory = folder(['cat/a.png']);
    const link = join(directory, 'cat/b.png');
    symlinkSync('/nowhere', link);
    expect((await listImageFolder(directory)).files).toContain(link);
  });
});

/** Empty files, which are listed but not decoded. */
function folder(paths: string[]): string {
  return writeTree(temporaryDirectory(), Object.fromEntries(paths.map((path) => [path, ''])));
}

function refused(code: string, text: string): object {
  return { name: 'InputError', code, message: expect.stringContaining(text) };
}
