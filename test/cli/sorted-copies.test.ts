import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SortedCopies } from '../../lib/cli/sorted-copies.ts';
import { BLUE, GREEN, RED, writeImages } from '../support/images.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const { signal } = new AbortController();

/** The files under a directory, by their relative paths, with their texts. */
function filesIn(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.sort().map((file) => [relative(directory, file), readFileSync(file, 'utf8')]),
  );
}

/** Files of these texts in a new directory. */
function written(files: Record<string, string>): string {
  const directory = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

describe('SortedCopies', () => {
  const source = () => written({ 'a/1.png': 'one', 'b/1.png': 'other', 'c/1.png': 'one', 'c/2.PNG': 'two' });
  const copy = async (from: string, to: string, threshold = 0) => {
    const copies = new SortedCopies(to, ['cat', 'x/y'], threshold);
    const sorted = [
      { path: join(from, 'a/1.png'), index: 0, probability: 0.9 },
      { path: join(from, 'b/1.png'), index: 0, probability: 0.6 },
      { path: join(from, 'c/1.png'), index: 0, probability: 0.5 },
      { path: join(from, 'c/2.PNG'), index: 1, probability: 0.4 },
    ];
    const paths: string[] = [];
    for (const one of sorted) paths.push(relative(to, await copies.add(one, signal)));
    return { paths, summary: copies.summary() };
  };

  test('gives images of one name different ones, and a class without a folder name another', async () => {
    const [from, to] = [source(), join(temporaryDirectory(), 'new', 'sorted')];
    const { paths, summary } = await copy(from, to);
    expect(paths).toEqual(['cat/1.png', 'cat/1-2.png', 'cat/1-3.png', 'x_y/2.PNG']);
    expect(filesIn(to)).toEqual({
      ...{ 'cat/1.png': 'one', 'cat/1-2.png': 'other', 'cat/1-3.png': 'one', 'x_y/2.PNG': 'two' },
    });
    expect(summary).toBe(`Copied to ${to}: 4 images (cat 3, x_y 1)\nThe folder of 'x/y' is x_y.`);
    expect(filesIn(from)).toMatchObject({ 'a/1.png': 'one', 'c/2.PNG': 'two' });
  });

  test('sorts what is less probable than the threshold into unsure', async () => {
    const to = temporaryDirectory();
    const { paths, summary } = await copy(source(), to, 0.6);
    expect(paths).toEqual(['cat/1.png', 'cat/1-2.png', 'unsure/1.png', 'unsure/2.PNG']);
    expect(summary).toContain('4 images (cat 2, unsure 2)');
  });

  test('changes nothing the second time, and overwrites nothing', async () => {
    const [from, to] = [source(), written({ 'cat/1.png': 'mine', 'notes.txt': 'kept' })];
    await copy(from, to);
    const first = filesIn(to);
    expect(first).toMatchObject({ 'cat/1.png': 'mine', 'cat/1-2.png': 'one', 'notes.txt': 'kept' });
    const { paths } = await copy(from, to);
    expect(filesIn(to)).toEqual(first);
    expect(paths).toEqual(['cat/1-2.png', 'cat/1-3.png', 'cat/1-4.png', 'x_y/2.PNG']);
  });

  test('leaves images that lie in the directory where they are', async () => {
    const to = written({ 'cat/1.png': 'one' });
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(to, link);
    const copies = new SortedCopies(link, ['cat', 'dog'], 0);
    const path = join(to, 'cat/1.png');
    expect(copies.summary()).toBe('');
    expect(await copies.add({ path, index: 1, probability: 1 }, signal)).toBe(path);
    expect(copies.summary()).toBe(`Left as they are in ${link}: 1 image`);
    expect(Object.keys(filesIn(to))).toEqual(['cat/1.png']);
  });

  test('copies what a link names', async () => {
    const [from, to] = [written({ 'real.png': 'pixels' }), temporaryDirectory()];
    symlinkSync(join(from, 'real.png'), join(from, 'link.png'));
    const copies = new SortedCopies(to, ['cat'], 0);
    await copies.add({ path: join(from, 'link.png'), index: 0, probability: 1 }, signal);
    expect(filesIn(to)).toEqual({ 'cat/link.png': 'pixels' });
  });

  test('leaves no part of a copy that fails, and stops between two copies', async () => {
    const [from, to] = [source(), temporaryDirectory()];
    const copies = new SortedCopies(to, ['cat'], 0);
    const missing = { path: join(from, 'none.png'), index: 0, probability: 1 };
    await expect(copies.add(missing, signal)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    expect(readdirSync(join(to, 'cat'))).toEqual([]);
    const reason = new Error('stopped');
    const whole = { path: join(from, 'a/1.png'), index: 0, probability: 1 };
    await expect(copies.add(whole, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(readdirSync(join(to, 'cat'))).toEqual([]);
    expect(copies.total).toBe(0);
  });

  test('names a file in the place of a folder', async () => {
    const [from, to] = [source(), written({ cat: 'a file' })];
    const copies = new SortedCopies(to, ['cat'], 0);
    const one = { path: join(from, 'a/1.png'), index: 0, probability: 1 };
    await expect(copies.add(one, signal)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining(join(to, 'cat')),
    });
  });
});

describe('torch-tl predict --copy-to', () => {
  const predict = async (cwd: string, ...args: string[]) =>
    torchTl(['predict', '--weights', await savedModel(), ...args], { cwd });

  async function images(): Promise<string> {
    const cwd = temporaryDirectory();
    await writeImages(cwd, { 'new/red.png': RED, 'new/more/red.png': GREEN, 'new/blue.png': BLUE });
    writeFileSync(join(cwd, 'new', 'broken.png'), 'no image');
    return cwd;
  }

  test('copies each image into the folder of its answer, and names what cannot be decoded', async () => {
    const cwd = await images();
    const { code, stdout, stderr } = await predict(cwd, 'new', '--copy-to', 'sorted', '--json');
    expect(code).toBe(0);
    const answers = JSON.parse(stdout) as Array<{ path: string; label: string; copy: string }>;
    expect(answers).toHaveLength(3);
    for (const { path, label, copy } of answers) {
      expect(relative(join(cwd, 'sorted'), copy).split('/')[0]).toBe(label);
      expect(readFileSync(copy)).toEqual(readFileSync(join(cwd, path)));
    }
    expect(Object.keys(filesIn(join(cwd, 'sorted')))).toHaveLength(3);
    expect(stderr).toMatch(/Left out: 1 image that cannot be decoded\n {2}new\/broken\.png: /);
    expect(stderr).toMatch(/Copied to .*sorted: 3 images \(/);
    expect(existsSync(join(cwd, 'new', 'broken.png'))).toBe(true);
  });

  test('--threshold sorts the others into unsure, and --csv has the copies', async () => {
    const cwd = await images();
    const { stdout } = await predict(cwd, 'new', '--copy-to', 'sorted', '--threshold', '1', '--csv');
    const [heading, ...rows] = stdout.trimEnd().split('\n');
    expect(heading).toMatch(/,truck,copy$/);
    for (const row of rows) expect(row).toMatch(/,\/.*\/sorted\/unsure\/(red|red-2|blue)\.png$/);
    expect(Object.keys(filesIn(join(cwd, 'sorted')))).toHaveLength(3);
  });

  test('within the folder of the images it says that the copies will be images too', async () => {
    const cwd = await images();
    const call = ['new', '--copy-to', 'new/sorted', '--json'];
    const first = await predict(cwd, ...call);
    expect(first.code).toBe(0);
    expect(first.stderr).toContain(
      'Warning: new/sorted lies in new, so the next call takes the copies for images',
    );
    expect(first.stderr).not.toContain('Left as they are');
    const before = filesIn(cwd);
    const second = await predict(cwd, ...call);
    expect(JSON.parse(second.stdout)).toHaveLength(6);
    expect(second.stderr).toContain(`Left as they are in ${join(cwd, 'new', 'sorted')}: 3 images`);
    expect(filesIn(cwd)).toEqual(before);
  });

  test.each([
    [['new', '--threshold', '0.5'], '--threshold would have no effect: it needs --copy-to. Leave it out.'],
    [['-', '--copy-to', 'sorted'], '--copy-to needs files: an image on stdin has no name.'],
    [['new', '--copy-to', 'new/blue.png'], 'Cannot write '],
    [
      ['new', 'new/blue.png', '--copy-to', 'new'],
      '--copy-to new would copy nothing: the images lie there already.',
    ],
    [['new', '--copy-to', 'x', '--threshold', '2'], '--threshold must be a number from 0 to 1, not 2'],
  ])('refuses %j', async (args, message) => {
    const cwd = await images();
    const { code, stderr } = await predict(cwd, ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(join(cwd, 'sorted'))).toBe(false);
  });
});
