import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Dataset } from '../../lib/data/dataset.ts';
import { openData } from '../../lib/data/source.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { nearest } from '../../lib/support/nearest.ts';
import { storedPath } from '../../lib/support/stored-path.ts';
import { torchTl } from '../cli/torch-tl.ts';
import { BLUE, GREEN, RED, writeImages } from './images.ts';
import { smallModel } from './small-data.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/*
 * `é` is one character (NFC) or a letter and an accent (NFD): the same name, whichever a file system or a program has.
 */
const NFC = ['café', 'Ärger', '한국'].map((name) => name.normalize('NFC'));
const NFD = NFC.map((name) => name.normalize('NFD'));
const FORMS = [
  ['NFC', 'NFD', NFC, NFD],
  ['NFD', 'NFC', NFD, NFC],
] as const;

let cwd: string;

beforeEach(() => {
  cwd = temporaryDirectory();
});

/** `<root>/<class>/é.png` of these classes, all names in one form. */
async function writeClasses(root: string, classes: readonly string[], form: 'NFC' | 'NFD'): Promise<string> {
  const colours = [RED, GREEN, BLUE];
  const files = classes.flatMap((name, index) =>
    [0, 1].map((copy) => [`${name}/é${copy}.png`.normalize(form), colours[index % 3]]),
  );
  await writeImages(join(cwd, root), Object.fromEntries(files));
  return join(cwd, root);
}

async function read(directory: string, like?: Dataset): Promise<Dataset> {
  const data = await Dataset.fromFolder(directory, { imageSize: 32, ...(like ? { like } : {}) });
  onTestFinished(() => data.dispose());
  return data;
}

test('a Linux machine keeps both forms apart, which is why they must be matched', () => {
  writeFileSync(join(cwd, NFD[0] as string), '');
  expect(existsSync(join(cwd, NFC[0] as string))).toBe(false);
});

describe.each(FORMS)('what is stored in %s and given in %s', (form, other, stored, given) => {
  test('is the same class: of a folder, a list, images, weights and a model', async () => {
    const data = await read(await writeClasses('data', stored, form));
    const again = await read(await writeClasses('again', given, other), data);
    expect(data.classes).toEqual([...NFC].sort());
    expect([...again.labels]).toEqual([...data.labels]);
    const list = join(cwd, 'list.csv');
    const rows = given.map((name, index) => `data/${stored[index]}/${`é0.png`.normalize(form)},${name}`);
    writeFileSync(list, ['path,label', ...rows].join('\n'));
    const listed = await Dataset.fromList(list, { imageSize: 32, like: data });
    expect([...listed.labels]).toEqual(
      given.map((name) => BigInt(data.classes.indexOf(name.normalize('NFC')))),
    );

    const model = await smallModel({ classes: data.classes.map((name) => name.normalize(other)) });
    expect((await model.evaluate(data)).count).toBe(6);
    const options = { valid: again, epochs: 1, batchSize: 2, classWeights: { [given[0] as string]: 2 } };
    expect((await model.fit(data, options).result).epochs).toHaveLength(1);
    const labels = [given[0] as string, stored[1] as string];
    const images = [data.fileOf(0) as string, data.fileOf(2) as string];
    const fromImages = await Dataset.fromImages(images, labels, { imageSize: 32, classes: model.classes });
    expect(fromImages.labels.every((label) => label >= 0n)).toBe(true);
  });

  test('is the same path: of --data, in a list, of an image, folder and model', async () => {
    const root = await writeClasses(`dâta`.normalize(form), stored, form);
    const asked = join(cwd, `dâta`.normalize(other));
    const inside = (name: string) => join(asked, name, `é1.png`.normalize(other));
    expect((await openData(asked, { imageSize: 32 })).source).toBe(root);
    expect(await read(asked)).toMatchObject({ source: root, count: 6 });
    const list = join(cwd, 'list.jsonl');
    writeFileSync(list, given.map((name) => JSON.stringify({ path: inside(name), label: 'x' })).join('\n'));
    const listed = await Dataset.fromList(list, { imageSize: 32 });
    expect(listed.count).toBe(3);
    expect(listed.skipped).toEqual([]);
    const model = await smallModel({ classes: NFC });
    const saved = join(cwd, `módel.safetensors`);
    await model.save(saved.normalize(form));
    const loaded = await DenseNet121.load(saved.normalize(other));
    onTestFinished(() => loaded.dispose());
    expect(await loaded.predict(given.map(inside))).toHaveLength(3);
    const args = [
      '--weights',
      saved.normalize(other),
      inside(given[0] as string),
      join(asked, given[1] as string),
      '--json',
    ];
    const { code, stdout, stderr } = await torchTl(['predict', ...args], { cwd });
    expect(stderr).toBe('');
    expect([code, JSON.parse(stdout).length]).toEqual([0, 3]);
  });

  test('and what is not there stays as it was given', async () => {
    const path = join(cwd, 'nothing', given[0] as string);
    expect(await storedPath(path)).toBe(path);
  });
});

test('two folders of one class in two forms are refused, and both are told apart', async () => {
  const root = await writeClasses('data', NFC, 'NFC');
  mkdirSync(join(root, NFD[0] as string));
  copyFileSync(join(root, NFC[0] as string, 'é0.png'), join(root, NFD[0] as string, 'x.png'));
  await expect(read(root)).rejects.toMatchObject({
    code: 'DATA_INVALID',
    message: expect.stringMatching(/U\+00E9.* and .*U\+0065 U\+0301|U\+0065 U\+0301.* and .*U\+00E9/),
  });
});

test('classes that a program names twice, each in its form, are refused', async () => {
  const classes = [NFC[0], NFD[0]] as string[];
  await expect(smallModel({ classes })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const given = Dataset.fromImages([new Uint8Array(1)], [0], { imageSize: 32, classes });
  await expect(given).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('another case is another name, and is the nearest', async () => {
  expect(nearest('CAFÉ'.normalize('NFD'), NFC)).toBe(NFC[0]);
  const data = await read(await writeClasses('data', ['cat', 'dog'], 'NFC'));
  const other = await writeClasses('other', ['cat', 'dog'], 'NFC');
  renameSync(join(other, 'cat'), join(other, 'Cat'));
  await expect(read(other, data)).rejects.toThrow("'Cat' (did you mean 'cat'?)");
});
