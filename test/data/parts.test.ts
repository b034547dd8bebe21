import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listImageFolder } from '../../lib/data/image-folder.ts';
import { leftOutTexts } from '../../lib/data/left-out.ts';
import { type Part, partOf } from '../../lib/data/parts.ts';
import { listImages, listTestImages } from '../../lib/data/source.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** How data sets that people meet call their parts. */
const NAMES: Record<Part, string[]> = {
  train: [
    ...[
      'train',
      'Train',
      'TRAIN',
      'training',
      'Training',
      'training_set',
      'train_images',
      'TrainImages',
      'trainset',
    ],
    ...[
      'train2017',
      'imagesTr',
      'seg_train',
      'train-set',
      'Training Data',
      'train_data',
      'images_train',
      'Train Set',
    ],
  ],
  valid: [
    ...[
      'valid',
      'val',
      'Val',
      'validation',
      'Validation',
      'VALIDATION_SET',
      'val2017',
      'val_images',
      'dev',
      'Dev',
    ],
    ...['dev_set', 'valid_set', 'imagesVal', 'seg_val', 'Validation Data'],
  ],
  test: [
    ...[
      'test',
      'Test',
      'TEST',
      'testing',
      'Testing',
      'test_set',
      'test_images',
      'testset',
      'imagesTs',
      'seg_test',
    ],
    ...['test2017', 'eval', 'Evaluation', 'holdout', 'hold-out', 'Hold_Out'],
  ],
};

describe('partOf', () => {
  test.each(Object.entries(NAMES))('knows what %s is called', (part, names) => {
    expect(names.filter((name) => partOf(name) !== part)).toEqual([]);
  });

  test('takes no other names for parts', () => {
    const classes = [
      'cat',
      'contest',
      'latest',
      'strain',
      'trainer',
      'train station',
      'interval',
      'invalid',
      'device',
    ];
    const others = [
      'train_labels',
      'test_predictions',
      'setts',
      'images',
      'data',
      'set',
      '2017',
      '',
      'tr',
      'protest',
    ];
    expect([...classes, ...others].filter((name) => partOf(name) !== null)).toEqual([]);
  });
});

describe('a folder of images', () => {
  const trainAndOther = NAMES.train.flatMap((train) => [
    { train, valid: NAMES.valid[NAMES.train.indexOf(train) % NAMES.valid.length] as string },
    { train, valid: NAMES.test[NAMES.train.indexOf(train) % NAMES.test.length] as string },
  ]);

  test.each(trainAndOther)(
    'in $train and $valid is read by its parts, whoever reads it',
    async ({ train, valid }) => {
      const root = folder([
        `${train}/ant/1.png`,
        `${train}/bee/2.png`,
        `${valid}/ant/3.png`,
        `${valid}/bee/4.png`,
      ]);
      const read = await listImages(root, 0);
      expect(read.train.classes).toEqual(['ant', 'bee']);
      expect(read.train.files).toEqual([join(root, train, 'ant/1.png'), join(root, train, 'bee/2.png')]);
      expect(read.valid.files).toEqual([join(root, valid, 'ant/3.png'), join(root, valid, 'bee/4.png')]);
      expect(read.validation).toBe(`${valid}/`);
      expect((await listTestImages(root))?.images.files).toEqual(read.valid.files);
      await expect(listImageFolder(root)).rejects.toMatchObject(
        refused(
          `contains parts of a data set, not classes; use ${join(root, [train, valid].sort()[0] as string)}`,
        ),
      );
    },
  );

  test('is unpacked as archives are: seg_train/seg_train/<class>, and images nobody has classed beside them', async () => {
    const classes = [
      'seg_train/seg_train/sea/1.jpg',
      'seg_train/seg_train/street/2.jpg',
      'seg_test/seg_test/sea/3.jpg',
    ];
    const root = folder([...classes, 'seg_test/seg_test/street/4.jpg', 'seg_pred/seg_pred/5.jpg']);
    const read = await listImages(root, 0);
    expect(read.train.classes).toEqual(['sea', 'street']);
    expect([read.train.files.length, read.valid.files.length]).toEqual([2, 2]);
    expect(leftOutTexts(read.leftOut)).toEqual([`1 unused folder or split (${join(root, 'seg_pred')})`]);
  });

  test('has its validation images in valid before test, and says that test is left out', async () => {
    const root = folder([
      'Train/a/1.png',
      'Train/b/2.png',
      'Test/a/3.png',
      'Val/a/4.png',
      'annotations/x.xml',
    ]);
    const { validation, leftOut } = await listImages(root, 0);
    expect(validation).toBe('Val/');
    expect(leftOut.unused).toEqual([join(root, 'Test'), join(root, 'annotations')]);
  });

  test.each([
    [
      'two folders to train with',
      ['train/a/1.png', 'Training/a/2.png', 'test/a/3.png'],
      'several folders for training',
    ],
    [
      'two to validate with',
      ['train/a/1.png', 'val/a/2.png', 'dev/a/3.png'],
      'several folders for validation',
    ],
    [
      'a part beside classes',
      ['a/1.png', 'b/2.png', 'Test/a/3.png'],
      'it is unclear whether they are parts or classes',
    ],
    ['parts without classes', ['Train/1.png', 'Test/2.png'], 'without class folders; expected Test/<class>'],
    [
      'a part without classes',
      ['Train/a/1.png', 'Train/b/2.png', 'Test/3.png'],
      'contains images, but no class folders',
    ],
    ['none to train with', ['valid/a/1.png', 'test/a/3.png'], 'no training folder'],
    [
      'parts by other names',
      ['fold1/a/1.png', 'fold1/b/2.png', 'fold2/A/3.png', 'fold2/b/4.png'],
      'of the same names (a, b)',
    ],
    [
      'a part that lacks a class',
      [
        'one/a/1.png',
        'one/b/2.png',
        'one/c/2.png',
        'two/a/3.png',
        'two/b/4.png',
        'three/a/1.png',
        'three/b/1.png',
      ],
      'they look like parts of a data set',
    ],
    [
      'classes that hold parts',
      ['a/Train/1.png', 'a/Test/2.png', 'b/Train/3.png', 'b/Test/4.png'],
      'Each class of',
    ],
  ])('is refused, with what to give, that has %s', async (_, files, message) => {
    const root = folder(files);
    await expect(listImages(root, 0)).rejects.toMatchObject(refused(message));
  });

  test.each([
    ['a vehicle', ['bus/1.png', 'car/1.png', 'train/1.png'], ['bus', 'car', 'train']],
    ['a state of tickets', ['invalid/1.png', 'valid/2.png'], ['invalid', 'valid']],
    ['one whose images lie deeper, each by itself', ['a/images/1.png', 'b/images/2.png'], ['a', 'b']],
    ['one with folders of its own', ['a/x/1.png', 'a/y/1.png', 'b/y/2.png', 'b/z/2.png'], ['a', 'b']],
  ])('has classes where a class is %s', async (_, files, classes) => {
    const twice = files.flatMap((file) => [file, file.replace(/\d/, '9')]);
    expect((await listImages(folder(twice), 0)).train.classes).toEqual(classes);
  });
});

/** Empty files, which are listed but not decoded. */
function folder(paths: string[]): string {
  return writeTree(temporaryDirectory(), Object.fromEntries(paths.map((path) => [path, ''])));
}

function refused(text: string): object {
  return { name: 'InputError', code: 'DATA_INVALID', message: expect.stringContaining(text) };
}
