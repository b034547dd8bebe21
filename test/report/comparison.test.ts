import { expect, test } from 'vitest';
import type { RunSetup } from '../../lib/experiments/results.ts';
import { reportOf, textOf } from '../support/reports.ts';
import { crossValidated, learningEpochs, SETUP, validationReport } from '../support/run-files.ts';

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
  expect(text).toContain('train 2 65.00 % ± 7.07');
  expect(text).toContain('1.2000 ± 0.1414');
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
