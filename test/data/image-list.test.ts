import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Dataset, type ListOptions } from '../../lib/data/dataset.ts';
import { readImageList } from '../../lib/data/image-list.ts';
import { listTestImages, openData } from '../../lib/data/source.ts';
import { program, torchTl } from '../cli/torch-tl.ts';
import { GREEN, near, RED, writeImages } from '../support/images.ts';
import { isSanitized } from '../support/sanitizer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

let directory: string;

beforeEach(async () => {
  directory = temporaryDirectory();
  const names = ['1', '2', '3', '4', '5'].flatMap((name) => [`red ${name}.png`, `deep/green ${name}.png`]);
  await writeImages(
    directory,
    Object.fromEntries(names.map((name) => [name, name.includes('red') ? RED : GREEN])),
  );
});

/** Writes a list; gives its path. */
function list(name: string, lines: string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

async function read(path: string, options: Partial<ListOptions> = {}): Promise<Dataset> {
  const data = await Dataset.fromList(path, { imageSize: 32, ...options });
  onTestFinished(() => data.dispose());
  return data;
}

const ROWS = [1, 2, 3, 4, 5].flatMap((number) => [
  { path: `red ${number}.png`, label: 'warm', split: number === 5 ? 'valid' : 'train' },
  { path: `deep/green ${number}.png`, label: 'cold', split: number === 5 ? 'valid' : 'train' },
]);
const CSV = ['path,label', ...ROWS.map(({ path, label }) => `${path},${label}`)];
const SPLIT_CSV = [
  'label,split,path',
  ...ROWS.map(({ path, label, split }) => `${label},${split},"${path}"`),
];

describe('a list of images', () => {
  test.each([
    ['CSV', 'list.csv', CSV],
    [
      'CSV of Windows, marked as UTF-8',
      'list.CSV',
      ['\uFEFFpath,label', ...CSV.slice(1)].map((line) => `${line}\r`),
    ],
    [
      'JSON lines',
      'list.jsonl',
      ROWS.map(({ path, label }) => JSON.stringify({ path, label, note: 'more' })),
    ],
  ])('is read from %s, in its order, the classes sorted', async (_, name, lines) => {
    const data = await read(list(name, lines));
    expect(data).toMatchObject({ name, source: join(directory, name), classes: ['cold', 'warm'], count: 10 });
    expect([...data.labels]).toEqual([1n, 0n, 1n, 0n, 1n, 0n, 1n, 0n, 1n, 0n]);
    expect(data.fileOf(1)).toBe(join(directory, 'deep/green 1.png'));
    expect([...(await data.pixelsAt(1)).subarray(0, 3)]).toEqual(near(GREEN));
  });

  test('gives the images of a split, with the classes of all', async () => {
    const path = list('list.csv', SPLIT_CSV);
    const valid = await read(path, { split: 'valid' });
    expect([valid.count, valid.classes]).toEqual([2, ['cold', 'warm']]);
    await expect(read(path)).rejects.toThrow('split must be train or valid');
    await expect(read(list('plain.csv', CSV), { split: 'valid' })).rejects.toThrow('has no splits');
  });

  test.each([
    [['train', 'valid'], 'train', 'valid'],
    [['Train', 'TEST'], 'training', 'test'],
    [['training', 'dev'], 'TRAIN', 'Dev'],
    [['Training ', 'Validation'], 'train', 'val'],
  ])('takes the splits %j for what they are, and hears %s and %s', async (names, first, rest) => {
    const lines = SPLIT_CSV.map((line) =>
      line.replace(',train,', `,"${names[0]}",`).replace(',valid,', `,"${names[1]}",`),
    );
    const path = list('list.csv', lines);
    const { train, valid } = await openData(path, { imageSize: 32 });
    expect([train.count, valid.count]).toEqual([8, 2]);
    expect([(await read(path, { split: first })).count, (await read(path, { split: rest })).count]).toEqual([
      8, 2,
    ]);
    expect((await listTestImages(path))?.images.files).toHaveLength(2);
  });

  test('takes one split written in two cases for one, and names several that may be meant', async () => {
    const mixed = SPLIT_CSV.map((line, index) => (index % 2 ? line.replace(',train,', ',TRAIN,') : line));
    expect((await openData(list('mixed.csv', mixed), { imageSize: 32 })).train.count).toBe(8);
    const several = SPLIT_CSV.map((line, index) =>
      index % 2 ? line.replace(',train,', ',training,') : line,
    );
    await expect(openData(list('several.csv', several), { imageSize: 32 })).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(
        /several splits for one purpose: 'training' and 'train'|'train' and 'training'/,
      ),
    });
  });

  test.each([
    ['CSV', 'a.csv', ['\uFEFFPath, LABEL ,Split', 'red 1.png,warm,train', 'red 2.png,warm,train']],
    ['JSON lines', 'a.jsonl', ['{"Path":"red 1.png","LABEL":"warm"}', '{"path":"red 2.png","Label":"warm"}']],
  ])('of %s names its columns in any case', async (_, name, lines) => {
    const splits = await readImageList(list(name, lines));
    expect([...splits.values()].map(({ files, classes }) => [files.length, classes])).toEqual([
      [2, ['warm']],
    ]);
  });

  test('labels by the classes of another data set, and names those that it does not know', async () => {
    const like = await read(list('list.csv', CSV));
    const other = list('other.jsonl', ['{"path":"red 1.png","label":"warm"}']);
    expect([...(await read(other, { like })).labels]).toEqual([1n]);
    const wrong = list('wrong.jsonl', ['{"path":"red 1.png","label":"warn"}']);
    await expect(read(wrong, { like })).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringContaining("'warn' (did you mean 'warm'?)"),
    });
  });

  test('takes numbers for labels as names', async () => {
    const data = await read(
      list('list.jsonl', ['{"path":"red 1.png","label":3}', '{"path":"red 2.png","label":"0"}']),
    );
    expect(data.classes).toEqual(['0', '3']);
  });

  test('opens as data to train with: by its splits, else a fifth of each class is held out', async () => {
    const bySplit = await openData(list('split.csv', SPLIT_CSV), { imageSize: 32 });
    expect(bySplit).toMatchObject({ name: 'split.csv', validation: 'the split valid' });
    expect([bySplit.train.count, bySplit.valid.count]).toEqual([8, 2]);
    const heldOut = await openData(list('plain.csv', CSV), { imageSize: 32, seed: 3 });
    expect(heldOut.validation).toBe('a fifth of each class, drawn with seed 3');
    expect([heldOut.train.count, heldOut.valid.count]).toEqual([8, 2]);
  });

  test('trains and tests from the command line', async () => {
    list('list.csv', SPLIT_CSV);
    const train = ['train', '--data', 'list.csv', '--image-size', '32', '--epochs', '1', '--out', 'run'];
    const trained = await torchTl(train, { cwd: directory });
    expect(trained.stderr).toBe('');
    expect(trained.stdout).toContain('Images: 10 decoded, 0 found in the cache ');
    expect(trained.stdout).toContain('8 training and 2 validation images (the split valid)');
    const test = ['evaluate', '--weights', 'run/best.safetensors', '--data', 'list.csv', '--json'];
    const tested = await torchTl(test, { cwd: directory });
    expect(tested.stderr).toContain('Images: 0 decoded, 2 found in the cache');
    expect(JSON.parse(tested.stdout)).toMatchObject({ count: 2, classes: ['cold', 'warm'] });
  });
});

describe('a list is refused, by line, that', () => {
  test.each([
    ['lists nothing', 'a.csv', ['path,label'], 'lists no images'],
    ['is empty', 'a.jsonl', [''], 'lists no images'],
    [
      'does not name its columns',
      'a.csv',
      ['file,class', 'red 1.png,warm'],
      'must name the columns path and label',
    ],
    ['has a field too many', 'a.csv', ['path,label', 'red 1.png,warm,blue'], 'line 2'],
    ['has an open quote', 'a.csv', ['path,label', '"red 1.png,warm'], 'Quote Not Closed'],
    [
      'leaves a label empty',
      'a.csv',
      ['path,label', 'red 1.png,warm', 'red 2.png,'],
      'line 3: wrong or missing label',
    ],
    ['leaves out a path', 'a.jsonl', ['{"label":"warm"}'], 'line 1: wrong or missing path'],
    ['is no JSON', 'a.jsonl', ['{"path":"red 1.png","label":"warm"}', '{path}'], 'line 2: it is not JSON'],
    [
      'names a field twice',
      'a.jsonl',
      ['{"path":"red 1.png","label":"warm","label":"cold"}'],
      'line 1: it has the key "label" twice in one object',
    ],
    [
      'names a field twice, in other case',
      'a.jsonl',
      ['{"path":"red 1.png","Label":"warm","label":"cold"}'],
      'line 1: it has label more than once',
    ],
    [
      'has a number that JSON rounds',
      'a.jsonl',
      ['{"path":"red 1.png","label":"warm","group":12345678901234567890}'],
      'line 1: wrong or missing group',
    ],
    ['lists no object', 'a.jsonl', ['"red 1.png"'], 'line 1: every line must be an object'],
    ['is a JSON array', 'a.jsonl', [JSON.stringify(ROWS)], 'Write a JSON array as one object a line'],
    [
      'is a JSON array of many lines',
      'a.jsonl',
      [JSON.stringify(ROWS, null, 2)],
      'line 1: every line must be',
    ],
    [
      'has splits in part',
      'a.jsonl',
      ['{"path":"red 1.png","label":"warm","split":"train"}', '{"path":"red 2.png","label":"warm"}'],
      'some images have a split and others do not',
    ],
  ])('%s', async (_, name, lines, message) => {
    const path = list(name, lines);
    await expect(read(path)).rejects.toMatchObject({
      name: 'InputError',
      code: 'DATA_INVALID',
      message: expect.stringContaining(message),
    });
    await expect(read(path)).rejects.toThrow(path);
  });

  test.each(['a.csv', 'a.jsonl'])('is not UTF-8, in which two classes would be one: %s', async (name) => {
    const line = (path: string, label: string) =>
      name.endsWith('.csv') ? `${path},${label}\n` : `${JSON.stringify({ path, label })}\n`;
    const path = join(directory, name);
    const lines = [line('path', 'label'), line('red 1.png', 'é'), line('red 2.png', 'è')];
    writeFileSync(path, lines.slice(name.endsWith('.csv') ? 0 : 1).join(''), 'latin1');
    const number = name.endsWith('.csv') ? 2 : 1;
    await expect(read(path)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: `Cannot read ${path}: it is not a text in UTF-8, from line ${number} on; save it as UTF-8.`,
    });
  });

  test('has nothing to train with, or classes only to validate with', async () => {
    const only = list('only.csv', ['path,label,split', 'red 1.png,warm,test', 'deep/green 1.png,cold,test']);
    await expect(openData(only, { imageSize: 32 })).rejects.toThrow('no split for training, only test');
    const unknown = list('new.csv', [
      'path,label,split',
      'red 1.png,warm,train',
      'deep/green 1.png,cold,val',
    ]);
    await expect(openData(unknown, { imageSize: 32 })).rejects.toThrow(
      'validation images of cold, but no training images',
    );
  });

  test('is soon refused, of a million images that are not there, by the first 20', async () => {
    const rows = Array.from(
      { length: 1_000_000 },
      (_, index) => `gone/${index}.png,${index % 2 ? 'a' : 'b'}`,
    );
    const path = list('long.csv', ['path,label', ...rows]);
    // `resourceUsage` would count what this process has at the start of that one.
    const text = `
      import { readFileSync } from 'node:fs';
      import { Dataset } from 'torch-tl';
      const error = await Dataset.fromList(${JSON.stringify(path)}, { imageSize: 32 }).catch((error) => error);
      const status = process.platform === 'linux' ? readFileSync('/proc/self/status', 'utf8') : '';
      const peak = Number(status.match(/VmHWM:\\s+(\\d+) kB/)?.[1] ?? 0);
      console.log(JSON.stringify({ message: error.message, code: error.code, peak }));`;
    const { stdout } = await program(text, { cwd: directory });
    const { message, code, peak } = JSON.parse(stdout);
    expect(code).toBe('DATA_INVALID');
    expect(message).toMatch(/^More than 20 of the first \d+ images do not exist; the other [\d,]+ were not/);
    expect(message.split('\n').slice(1)).toEqual(
      Array.from({ length: 20 }, (_, index) => `  ${join(directory, `gone/${index}.png`)}`),
    );
    console.info(`a list of a million missing images: ${Math.round(peak / 1024)} MB at most`);
    // 700 MB were measured, where it had been 890.
    if (!isSanitized) expect(peak).toBeLessThan(800 * 1024);
  });

  test('names images that are not there: all of them, in one error', async () => {
    const path = list('list.csv', ['path,label', 'red 1.png,warm', 'gone.png,warm', 'lost.png,cold']);
    const failure = read(path);
    await expect(failure).rejects.toThrow('2 of 3 images cannot be decoded');
    await expect(failure).rejects.toThrow('gone.png: there is no such file');
    await expect(failure).rejects.toThrow('lost.png: there is no such file');
  });

  test('is not there', async () => {
    await expect(read(join(directory, 'lost.csv'))).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
  });
});
