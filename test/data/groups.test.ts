import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { openData } from '../../lib/data/source.ts';
import { torchTl } from '../cli/torch-tl.ts';
import { bands, type Colour, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SEEDS = [0, 1, 2, 3, 4, 5];

/** Twenty different images: `a/0.png` to `a/9.png`, and the same of `b`. */
let directory: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  await writeImages(directory, Object.fromEntries(NAMES.map((name, index) => [name, colourOf(index)])));
});

const NAMES = ['a', 'b'].flatMap((label) =>
  Array.from({ length: 10 }, (_, index) => `${label}/${index}.png`),
);

function colourOf(index: number): Colour {
  return [12 * index, 255 - 12 * index, 40];
}

/** Writes a list of the twenty images with more columns; gives its path. */
function list(columns: string, more: (index: number) => string): string {
  const path = join(directory, 'list.csv');
  const lines = NAMES.map((name, index) => `${name},${name[0]},${more(index)}`);
  writeFileSync(path, [`path,label,${columns}`, ...lines].join('\n'));
  return path;
}

describe('a list with groups', () => {
  test('is read from CSV and JSON lines; an empty group is none, and a number is a name', async () => {
    const csv = await read(list('Group', (index) => (index < 2 ? ' 7 ' : '')));
    expect(csv.groups).toEqual(['7', '7', ...new Array(18).fill(null)]);
    const lines = NAMES.map((path, index) =>
      JSON.stringify({ path, label: path[0], group: index < 2 ? 7 : null }),
    );
    writeFileSync(join(directory, 'list.jsonl'), lines.join('\n'));
    expect((await read(join(directory, 'list.jsonl'))).groups).toEqual(csv.groups);
    expect((await read(list('note', () => 'x'))).groups).toBeUndefined();
  });

  test.each([true, false])('keeps them through limit and split (image cache: %s)', async (imageCache) => {
    const path = list('group', (index) => `g${(index % 10) >> 1}`);
    const data = await Dataset.fromList(path, { imageSize: 32, limit: 12, imageCache });
    expect(data.groups).toEqual([0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2].map((group) => `g${group}`));
    for (const seed of SEEDS) {
      const [first, rest] = data.split(0.6, { seed });
      expect([first.count, rest.count]).toEqual([8, 4]);
      expect(new Set(first.groups).size + new Set(rest.groups).size).toBe(3);
    }
  });

  test('has none on both sides of the fifth that is held out, and says so', async () => {
    const path = list('group', (index) => `g${index % 5}`);
    for (const seed of SEEDS) {
      const { train, valid, validation } = await openData(path, { imageSize: 32, seed });
      expect([train.count, valid.count]).toEqual([16, 4]);
      const shared = train.groups?.filter((group) => valid.groups?.includes(group));
      expect(shared).toEqual([]);
      expect(validation).toBe(`a fifth of each class, drawn with seed ${seed}, each group on one side`);
    }
  });

  test('keeps its own splits', async () => {
    const path = list('split,group', (index) =>
      index % 5 === 4 ? `valid,v${index}` : `train,t${index % 2}`,
    );
    const { train, valid } = await openData(path, { imageSize: 32 });
    expect([train.groups?.[0], train.groups?.[1], valid.groups?.[0]]).toEqual(['t0', 't1', 'v4']);
  });

  test('is refused if its splits divide one, with both lines', async () => {
    const path = list('split,group', (index) => `${index === 6 ? 'Valid' : 'train'},${index % 6 || 'Ann'}`);
    const message =
      `${path}: the group "Ann" is in the split train (line 2) and in the split Valid (line 8). ` +
      'Put all images of a group into one split.';
    const refused = { code: 'DATA_INVALID', message };
    await expect(openData(path, { imageSize: 32 })).rejects.toMatchObject(refused);
    await expect(read(path, 'train')).rejects.toMatchObject(refused);
    const run = join(directory, 'run');
    expect(await torchTl(['train', path, '--out', run], { cwd: directory })).toMatchObject({ code: 2 });
    expect(existsSync(run)).toBe(false);
  });

  test('is refused if all images are of one', async () => {
    const message = 'All 20 images belong to one group, which must not be split';
    await expect(
      openData(
        list('group', () => 'x'),
        { imageSize: 32 },
      ),
    ).rejects.toThrow(message);
    const data = await read(list('group', () => 'x'));
    expect(() => data.split(0.5)).toThrow(message);
  });

  test('is refused if a whole class would be held out', async () => {
    const path = list('group', (index) => (index < 10 ? 'all of a' : 'all of b'));
    await expect(openData(path, { imageSize: 32 })).rejects.toThrow(
      /has validation images of [ab], but no training images/,
    );
  });
});

describe('exact twins', () => {
  test('stay together in the fifth that is held out: files with the same bytes', async () => {
    for (const twin of [6, 7, 8, 9]) {
      copyFileSync(join(directory, 'a/5.png'), join(directory, `a/${twin}.png`));
    }
    for (const seed of SEEDS) {
      const { train, valid } = await openData(directory, { imageSize: 32, seed });
      const twins = valid.files?.filter((file) => /a.[5-9]\.png$/.test(file)).length;
      expect([0, 5]).toContain(twins);
      expect(train.count + valid.count).toBe(20);
    }
  });

  test('stay together when a data set is split: images with the same pixels', async () => {
    const pixels = NAMES.map((_, index) => bands([colourOf(index < 5 ? 0 : index)], 32, 32));
    const labels = NAMES.map((name) => name[0] as string);
    const data = await Dataset.fromImages(pixels, labels, { imageSize: 32 });
    onTestFinished(() => data.dispose());
    for (const seed of SEEDS) {
      const [first] = data.split(0.5, { seed });
      const isTwin = await Promise.all(
        Array.from({ length: first.count }, async (_, index) => (await first.pixelsAt(index))[0] === 0),
      );
      expect([0, 5]).toContain(isTwin.filter(Boolean).length);
    }
  });

  test('are divided if a class has no other images', async () => {
    for (const twin of NAMES.slice(1, 10)) copyFileSync(join(directory, 'a/0.png'), join(directory, twin));
    const { train, valid } = await openData(directory, { imageSize: 32 });
    expect([train.count, valid.count]).toEqual([16, 4]);
    expect(new Set(valid.labels).size).toBe(2);
  });

  test('do not matter for a set without them: the same seed draws what it always drew', async () => {
    const { valid } = await openData(directory, { imageSize: 32, seed: 3 });
    expect(valid.files?.map((file) => file.slice(directory.length + 1))).toEqual(DRAWN);
    const data = await Dataset.fromFolder(directory, { imageSize: 32 });
    const [, rest] = data.split(0.8, { seed: 3 });
    expect(rest.count).toBe(4);
    expect([0, 1, 2, 3].map((index) => rest.fileOf(index)?.slice(directory.length + 1))).toEqual(DRAWN);
  });
});

/** What version 0.1 drew from these files. */
const DRAWN = ['a/0.png', 'a/7.png', 'b/1.png', 'b/5.png'];

async function read(path: string, split?: string): Promise<Dataset> {
  const data = await Dataset.fromList(path, { imageSize: 32, ...(split && { split }) });
  onTestFinished(() => data.dispose());
  return data;
}
