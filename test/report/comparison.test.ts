import { describe, expect, test } from 'vitest';
import type { RunSetup } from '../../lib/experiments/results.ts';
import { reportOf, textOf } from '../support/reports.ts';
import {
  crossValidated,
  learningEpochs,
  type RunFiles,
  SETUP,
  validationReport,
} from '../support/run-files.ts';

const [STAGE] = SETUP.stages as [RunSetup['stages'][number]];

test('several runs stand side by side, relative to the first experiment of the paper, here and there', async () => {
  const report = await reportOf({
    a: { setup: { experiment: 'finetune' } },
    b: {
      setup: { experiment: 'base', trainableParameters: 6_964_106, batchSize: 64 },
      results: { seconds: { total: 122, features: 0, training: 122 } },
    },
  });
  const text = textOf(report);
  expect(text).toContain('2 runs compared');
  expect(text).toContain('Results relative to base, here and in the paper');
  expect(text).toContain('finetune 1.00 × 1.00 × 0.500 × 0.612 × the paper 1.07 × 0.518 × 3.20 × 0.612 ×');
  expect(text).toContain('batch size 128 images 64 images');
  expect(report.match(/<svg[^>]* role="img"/g)).toHaveLength(4);
});

test('of several runs that were tested on the same classes each class is compared', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const [cat] = validation.evaluation.perClass;
  const f1 = `${(100 * (cat?.f1 ?? 0)).toFixed(2)} %`;
  const text = textOf(await reportOf({ a: { validation }, b: { validation } }));
  expect(text).toContain(`class a b cat ${f1} ${f1} dog`);
  expect(textOf(await reportOf({ a: { validation }, b: {} }))).not.toContain('F1 per class');
});

test('runs over different data are said to be, and how they differ', async () => {
  const own = { ...SETUP.dataset, name: 'pets', source: '/pets', valid: 80 };
  const text = textOf(await reportOf({ a: { setup: { dataset: own } }, b: {}, c: {} }));
  expect(text).toContain('has the highest validation accuracy, though not on the same data as the others');
  expect(text).toContain(
    'Different are the data sets, their sources and the numbers of validation images: ' +
      'a : pets (/pets) with 3 classes, 2,500 training and 80 validation images; b and c : cifar10-sample',
  );
  const other = { ...SETUP.dataset, manifest: { file: 'images.csv', sha256: '12'.repeat(32) } };
  const split = textOf(await reportOf({ a: { setup: { dataset: other } }, b: {} }));
  expect(split).toContain('is the most accurate run');
  expect(split).toContain('not all of the same images for training and for validation');
  // Keys of images depend on how they are decoded.
  const sized = await reportOf({ a: { setup: { dataset: other, imageSize: 64 } }, b: {} });
  expect(textOf(sized)).not.toContain('not all of the same images');
  const resized = await reportOf({ a: { setup: { dataset: other }, options: { resize: 'squash' } }, b: {} });
  expect(textOf(resized)).not.toContain('not all of the same images');
  expect(textOf(await reportOf({ a: {}, b: {} }))).not.toMatch(/different data|not all of the same images/);
});

test('a comparison promises figures of the paper only where there are any', async () => {
  const own = { setup: { experiment: 'train' as const } };
  const text = textOf(await reportOf({ a: own, b: { ...own, options: { seed: 1 } } }));
  expect(text).toContain('Results of each run. In parentheses');
  expect(text.slice(0, text.indexOf('Written on'))).not.toContain('the paper');
  expect(textOf(await reportOf({ a: own, b: {} }))).toContain('followed by the paper’s results');
});

test('several runs of one experiment are told apart by their directories', async () => {
  const text = textOf(
    await reportOf({ low: { setup: { stages: [{ ...STAGE, learningRate: 1e-4 }] } }, high: {} }),
  );
  expect(text).toContain(
    'Differences between the runs setting low high optimiser adam, learning rate 0.0001, schedule plateau adam',
  );
});

test('of cross-validated runs no curves are drawn, and their figures over all images are compared', async () => {
  const [a, b] = [crossValidated(0, 0.6, 1.1), crossValidated(1, 0.7, 1.3)];
  const text = textOf(await reportOf({ a, b }));
  expect(text).toContain('validation accuracy 65.00 % on average');
  expect(text).toContain('train 2 65.00 % ± 7.07 1.47 to 100.00 % 1.2000 ± 0.1414');
  expect(text).toContain('No epoch was validated, so there are no curves.');
  expect(text).not.toMatch(/\b0\.00 %|\b0\.0000\b/);
});

test('runs without validated epochs are named where others have curves', async () => {
  const epochs = learningEpochs(4).map((epoch) => ({
    ...epoch,
    validLoss: null,
    validAccuracy: null,
    best: true,
  }));
  const own = { setup: { experiment: 'train' as const } };
  const report = await reportOf({ own, folded: crossValidated(0, 0.6, 1.1), all: { ...own, epochs } });
  const text = textOf(report);
  expect(text).toContain('Without validated epochs, and so without curves: folded, all.');
  expect(report.match(/<svg[^>]* role="img"/g)).toHaveLength(4);
  expect(report).toMatch(
    /<desc id="validLoss-epochs-description">own: loss [\d.]+ in its best epoch \(8\)\.<\/desc>/,
  );
  expect(text).not.toMatch(/\b0\.00 %|\b0\.0000\b/);
});

describe('runs that differ in their seed alone', () => {
  const { dataset } = SETUP;
  const seeded = (
    seed: number,
    more: Partial<RunSetup> = {},
    results: RunFiles['results'] = {},
  ): RunFiles => ({
    setup: { seed, ...more },
    options: { seed },
    results,
  });
  const drawn = (seed: number, cats: number): RunFiles =>
    seeded(seed, {
      dataset: {
        ...dataset,
        train: 1667 + cats - (100 + seed),
        valid: 100 + seed,
        classCounts: dataset.classCounts.map((one, label) =>
          label === 0 ? { ...one, train: cats - (100 + seed), valid: 100 + seed } : { ...one, valid: 0 },
        ),
        validation: `a fifth of each class, drawn with seed ${seed}`,
        manifest: { file: 'images.csv', sha256: `${seed}`.repeat(64) },
      },
    });

  test('are different seeds: a copy of a run is none', async () => {
    const text = textOf(await reportOf({ a: seeded(0), b: seeded(1), copy: seeded(1) }));
    expect(text).toContain('time the paper a, b 2 59.85 % ± 0.00');
    expect(text).not.toContain('3 runs that differ in their seed alone');
  });

  test.each([
    ['aborted', { stoppedBecause: 'aborted' }],
    ['killed', null],
  ])('are averaged without those that were %s', async (_, results) => {
    const text = textOf(await reportOf({ a: seeded(0), b: seeded(1), c: seeded(2, {}, results) }));
    expect(text).toContain(
      '3 runs that differ in their seed alone, of which 2 trained to the end: validation',
    );
    expect(text).toContain('finetune 2 of 3 59.85 % ± 0.00 59.85 to 59.85 % 1.3775 ± 0.0000 61 s');
    expect(text).toContain('Runs that have not trained to the end are left out.');

    const one = textOf(await reportOf({ a: seeded(0), b: seeded(1, {}, results) }));
    expect(one).toContain('of which 1 trained to the end: its validation accuracy is 59.85 % .');
    expect(one).toContain('finetune 1 of 2 59.85 % - 1.3775 61 s');

    const none = textOf(await reportOf({ a: seeded(0, {}, results), b: seeded(1, {}, results) }));
    expect(none).toContain('2 runs that differ in their seed alone, of which none trained to the end.');
    expect(none).toContain('finetune 0 of 2 - - - -');
  });

  test('have the same images and weights', async () => {
    const areGrouped = async (a: RunFiles, b: RunFiles) =>
      textOf(await reportOf({ a, b })).includes('2 runs that differ in their seed alone');
    expect(await areGrouped(drawn(0, 833), drawn(1, 833))).toBe(true);
    expect(await areGrouped(drawn(0, 833), drawn(1, 834))).toBe(false);
    const limited = (run: RunFiles) => ({ ...run, options: { ...run.options, limitTrain: 2000 } });
    expect(await areGrouped(limited(drawn(0, 833)), limited(drawn(1, 834)))).toBe(true);
    // Where the seed draws no images for validation, they are the same images to the bit.
    const manifest = { file: 'images.csv', sha256: '12'.repeat(32) };
    expect(await areGrouped(seeded(0), seeded(1))).toBe(true);
    expect(await areGrouped(seeded(0), seeded(1, { dataset: { ...dataset, manifest } }))).toBe(false);
    const weights = { ...SETUP.weights, sha256: 'cd'.repeat(32) };
    expect(await areGrouped(seeded(0), seeded(1, { weights }))).toBe(false);
  });
});
