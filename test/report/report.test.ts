import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunSetup } from '../../lib/experiments/results.ts';
import { readRun } from '../../lib/report/read-run.ts';
import { writeReport } from '../../lib/report/report.ts';
import { runReport, runSections } from '../../lib/report/run-report.ts';
import { reportOf, textOf } from '../support/reports.ts';
import { learningEpochs, SETUP, validationReport, writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const [STAGE] = SETUP.stages as [RunSetup['stages'][number]];

test("a run's results stand beside the paper's, with their ratios and figures", async () => {
  const text = textOf(await reportOf({ run: {} }));
  expect(text).toContain('validation accuracy 59.85 % (55.5 to 64.1) 92.72 % (92.2 to 93.2) 0.645 ×');
  expect(text).toContain('time 61 s 44.1 min 0.0231 ×');
  expect(text).toContain('data cifar10-sample, 2,500 + 500 images CIFAR-10, 50,000 + 10,000 images');
  expect(text).toContain('Figure 8 of the paper');
  expect(text).toContain('Figure 11 of the paper');
});

test('every chart has its numbers in a table, and says in words what there is to see', async () => {
  const report = await reportOf({ run: {} });
  expect(report.match(/<svg[^>]* role="img"/g)).toHaveLength(3);
  expect(textOf(report)).toContain(
    'epoch validation training 1 35.00 % (30.9 to 39.3) 40.00 % 2 49.80 % (45.4 to 54.2) 70.00 %',
  );
  expect(report).toMatch(/<desc id="loss-description">The validation loss is 1\.5000 in epoch 1, /);
});

test('what is needed to run it again is there', async () => {
  const weights = { source: 'tiny-imagenet-distilled', sha256: 'cd'.repeat(32), trainedOn: 'Tiny ImageNet' };
  const report = await reportOf({
    run: { setup: { seed: 7, weights }, options: { seed: 7, freeze: ['backbone', { through: 'norm5' }] } },
  });
  const text = textOf(report);
  expect(text).toContain('torch-tl run finetune --seed 7 --freeze backbone,through:norm5');
  expect(text).toMatch(/torch-tl run --config \S+\/run\/config\.json/);
  expect(text).toContain('cd'.repeat(32));
  expect(text).toContain('torch-tl 0.1.0, node 20.0.0, libtorch 2.13.0');
  expect(report).toContain('&#34;earlyStoppingPatience&#34;:15');
});

test('the confusion matrix, the classes and the worst mistakes are shown', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const report = await reportOf({ run: { validation } });
  const text = textOf(report);
  expect(validation.evaluation.confusion[0]).toEqual([15, 5, 0]);
  expect(text).toContain('cat 15 75 % 5 25 % 0 dog');
  expect(text).toContain('F1 images cat 75.00 % (53.1 to 88.8) 75.00 % (53.1 to 88.8) 75.00 % 833 + 20 dog');
  expect(text).toContain('cat classified as dog dog 90.00 % ship 7.00 % cat 1.00 % image 17');
  expect(report.match(/<img /g)).toHaveLength(6);
  for (const { image } of validation.mistakes) expect(report).toContain(`src="${image}"`);
});

test('a validation.json of an earlier version gets what it lacks', async () => {
  const now = await validationReport(['cat', 'dog', 'ship']);
  const { balancedAccuracy, macroF1, accuracyInterval95, top5AccuracyInterval95, reliability, ...rest } =
    now.evaluation;
  const perClass = rest.perClass.map(({ precisionInterval95: _, recallInterval95: __, ...one }) => one);
  const validation = { ...now, evaluation: { ...rest, perClass } };
  const directory = temporaryDirectory();
  writeRun(directory, { validation });
  expect((await readRun(directory)).validation).toEqual({
    ...now,
    evaluation: { ...now.evaluation, reliability: [] },
  });
});

test('labels that look wrong are shown, and that there are none, unless nothing was looked for', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const shown = textOf(await reportOf({ run: { validation } }));
  expect(shown).toContain('30 of the labels of 60 images for validation look wrong');
  expect(shown).toContain('The first 1 of 30, largest difference');
  expect(shown).toContain('labelled cat , looks like dog dog 90.00 % cat 5.00 % valid/cat/7.png');
  const none = { ...validation, labelIssues: { count: 0, shown: [] } };
  expect(textOf(await reportOf({ run: { validation: none } }))).toContain(
    'No label of the 60 images for validation looks wrong.',
  );
  const { labelIssues: _, ...earlier } = validation;
  expect(await reportOf({ run: { validation: earlier } })).not.toContain('Labels that look wrong');
});

test('a calibration is shown, and that it is at its limit', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const measures = (loss: number) => ({ loss, calibrationError: loss / 10 });
  const calibration = { temperature: 1.5, isAtLimit: false, before: measures(1), after: measures(0.8) };
  const text = textOf(await reportOf({ run: { validation, results: { calibration } } }));
  expect(text).toContain(
    'temperature 1.500; calibration error 10.00 % before, 8.00 % after; loss 1.0000 before, 0.8000 after',
  );
  expect(text).not.toContain('no minimum');
  const limit = { ...calibration, temperature: 0.1, isAtLimit: true };
  expect(textOf(await reportOf({ run: { validation, results: { calibration: limit } } }))).toContain(
    'The loss has no minimum at a temperature from 0.1 to 100',
  );
  expect(textOf(await reportOf({ run: { validation } }))).not.toContain('temperature 1');
});

test('after the first dozen the mistakes are folded', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const mistakes = Array.from({ length: 14 }, () => validation.mistakes[0]);
  const report = await reportOf({ run: { validation: { ...validation, mistakes } } });
  const [shown, folded] = report.split('<summary>2 more</summary>');
  expect(shown?.match(/<img /g)).toHaveLength(24);
  const [mistakesFolded] = folded?.split('Labels that look wrong') ?? [];
  expect(mistakesFolded?.match(/<img /g)).toHaveLength(4);
});

test('of many classes the commonest confusions are listed instead of a matrix', async () => {
  const classes = Array.from({ length: 21 }, (_, index) => `class ${index}`);
  const report = await reportOf({ run: { setup: { classes }, validation: await validationReport(classes) } });
  expect(report).not.toContain('<table class="matrix">');
  expect(textOf(report)).toMatch(/true class predicted class images class \d+ class \d+ \d+/);
});

test('metrics of another epoch than the best are said to be', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship'], 3);
  expect(textOf(await reportOf({ run: { validation } }))).toContain(
    'This section describes the model of epoch 3; epoch 8 has become the best since.',
  );
});

test('text of files is text, whatever it looks like', async () => {
  const hostile = `"><script>alert('1')</script><img src=x onerror=alert(1)>&amp;`;
  const classes = [hostile, 'dog', 'ship'];
  const validation = await validationReport(classes);
  const [first] = validation.mistakes;
  const report = await reportOf({
    one: {
      setup: { classes, hardware: hostile, experiment: 'train' },
      options: { data: hostile, [hostile]: hostile },
      results: { stoppedBecause: 'failed', error: { code: hostile, message: hostile } },
      validation: { ...validation, mistakes: [{ ...first, source: hostile }] },
    },
  });
  expect(report).not.toContain('<script');
  expect(report).not.toContain('<img src=x');
  expect(report.split('&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)').length).toBeGreaterThan(6);
  expect(report).toContain("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
});

test.for([
  'https://example.org/a.png',
  'data:image/svg+xml;base64,PHN2Zy8+',
  'data:image/png;base64,AAAA" onerror="alert(1)',
])('an image that is none is refused: %s', async (image) => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const mistakes = [{ ...validation.mistakes[0], image }];
  await expect(reportOf({ run: { validation: { ...validation, mistakes } } })).rejects.toMatchObject({
    code: 'RUN_INVALID',
    message: expect.stringContaining("'mistakes.0.image' must be a data URI"),
  });
});

test.for([
  [
    { stoppedBecause: 'aborted' },
    /The run was stopped after 8 of 32 epochs\. To resume: npx torch-tl run finetune --resume --out \S+\/run /,
  ],
  [
    { stoppedBecause: 'failed', error: { code: 'OUT_OF_MEMORY', message: 'memory ran out' } },
    /The run failed after 8 of 32 epochs: memory ran out \(OUT_OF_MEMORY\)\./,
  ],
  [
    { stoppedBecause: 'early-stopping' },
    /Early stopping ended the run after 8 of 32 epochs: the validation loss had not fallen by more than 0\.00001 for 15 epochs\./,
  ],
  [
    null,
    /The run has trained 8 of 32 epochs and has no results\.json: it is still running, or its process was killed\./,
  ],
] as const)('a report says how the run ended: %j', async ([results, message]) => {
  const text = textOf(await reportOf({ run: { results } }));
  expect(text).toMatch(message);
  expect(text).toContain('validation accuracy 59.85 % (55.5 to 64.1) epoch 8 of 8');
});

test('a run without an epoch has a report', async () => {
  const results = { stoppedBecause: 'failed', error: { code: 'LOSS_NOT_FINITE', message: 'no' } };
  const report = await reportOf({ run: { epochs: [], results } });
  expect(textOf(report)).toContain('No epoch has ended, so there are no curves.');
  expect(report).not.toContain('NaN');
  expect(await reportOf({ one: { epochs: [], results }, two: { epochs: [], results } })).not.toContain('NaN');
});

test('the epochs of a run that was killed are read up to a torn line', async () => {
  const directory = temporaryDirectory();
  writeRun(directory, { results: null, epochs: learningEpochs(3) });
  const file = join(directory, 'epochs.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
  await writeReport([directory], join(directory, 'report.html'));
  expect(textOf(readFileSync(join(directory, 'report.html'), 'utf8'))).toContain(
    'The run has trained 2 of 32 epochs',
  );
});

test('stages, where it was resumed and images left out are told', async () => {
  const epochs = learningEpochs(4).map((epoch) => ({ ...epoch, stage: epoch.epoch > 1 ? 2 : 1 }));
  const skipped = [{ path: 'cats/broken.jpg', reason: 'it ends early' }];
  const report = await reportOf({
    run: {
      epochs,
      setup: {
        stages: [
          { ...STAGE, name: 'head', epochs: 1, trainableParameters: 3075, schedule: 'one-cycle' },
          { ...STAGE, name: 'all', epochs: 3, frozen: [], layerLearningRates: { conv0: 1e-5 } },
        ],
        warnings: [{ kind: 'class-imbalance', message: 'One class has many more.' }],
        dataset: {
          ...SETUP.dataset,
          ...{ name: 'pets', train: 9, valid: 3, source: '/pets', validation: 'valid/', skipped },
        },
      },
      options: { recipe: 'fine-tune', epochs: 4 },
      results: { resumed: [{ epoch: 2, batch: 3 }] },
    },
  });
  const text = textOf(report);
  expect(text).toContain('1: head backbone 3,075 1 of 1 adam, learning rate 0.001, schedule one-cycle');
  expect(text).toContain(
    '2: all none 4,262,026 3 of 3 adam, learning rates 0.00001 to 0.001, schedule plateau',
  );
  expect(text).toContain('resumed after epoch 2 and 3 batches');
  expect(text).toContain('cats/broken.jpg it ends early');
  expect(text).toContain('One class has many more.');
  expect(text).toContain('cat 833+167');
});

test('a learning rate that stays the same is said instead of drawn', async () => {
  const epochs = learningEpochs(4).map((epoch) => ({ ...epoch, lr: 0.0005 }));
  const report = await reportOf({ run: { epochs } });
  expect(report).not.toContain('id="learning-rate-title"');
  expect(textOf(report)).toContain('The learning rate was 5e-4 in every epoch.');
});

test('of a run of an earlier version the numbers of images are those that were judged', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const dataset = { ...SETUP.dataset, classCounts: [] };
  const earlier = textOf(await reportOf({ run: { setup: { dataset }, validation } }));
  expect(earlier).toContain('F1 images cat 75.00 % (53.1 to 88.8) 75.00 % (53.1 to 88.8) 75.00 % 20 dog');
});

test('the bins of the calibration error are drawn, unless an earlier version wrote none', async () => {
  const validation = await validationReport(['cat', 'dog', 'ship']);
  const report = await reportOf({ run: { validation } });
  expect(report).toMatch(/<desc id="reliability-description">Fraction that is classified correctly/);
  expect(textOf(report)).toContain('70.54 % 0.00 % (0.0 to 20.4) of 15 images 90.94 % 100.00 %');
  const evaluation = { ...validation.evaluation, reliability: undefined };
  expect(await reportOf({ run: { validation: { ...validation, evaluation } } })).not.toContain('reliability');
});

test('which images there were is told, and a few are shown', async () => {
  const { mistakes } = await validationReport(['cat', 'dog', 'ship']);
  const [image = ''] = mistakes.map((mistake) => mistake.image);
  const samples = { classes: [{ label: 'cat', images: [image, image] }] };
  const report = await reportOf({ run: { samples } });
  const text = textOf(report);
  expect(text).toContain(`manifest images.csv, SHA-256 ${'ef'.repeat(32)}`);
  expect(text).toContain('The first 2 training images of the first 1 of 3 classes.');
  expect(text).toContain('cat 833 images');
  expect(report.split(`<img src="${image}" alt="cat, training image`)).toHaveLength(3);
  const dataset = { ...SETUP.dataset, manifest: undefined };
  const earlier = await reportOf({ run: { setup: { dataset } as never } });
  expect(textOf(earlier)).not.toContain('manifest');
  expect(earlier).not.toContain('id="images"');
});

test('the command that made a run stands near the top', async () => {
  const head = (report: string) => textOf(report.slice(0, report.indexOf('</header>')));
  expect(head(await reportOf({ run: { setup: { seed: 7 }, options: { seed: 7 } } }))).toContain(
    'Command torch-tl run finetune --seed 7',
  );
  const inList = await reportOf({ run: { options: { recipe: [{ epochs: 1 }] } } });
  expect(head(inList)).toMatch(/Command torch-tl run --config \S+\/run\/config\.json/);
  expect(head(await reportOf({ 'run/folds/1': { options: { fold: 1 } } }))).toMatch(
    /Command torch-tl run --config \S+\/run\/config\.json/,
  );
});

test('the sections are what the list of links leads to', async () => {
  const directory = temporaryDirectory();
  writeRun(directory, { validation: await validationReport(['cat', 'dog', 'ship']) });
  const run = await readRun(directory);
  const sections = runSections(run);
  expect(sections.map(({ id }) => id)).toEqual([
    'results',
    'curves',
    'validation',
    'labels',
    'setup',
    'repeat',
  ]);
  for (const { id, name, content } of sections) {
    expect(content.text).toMatch(new RegExp(`^<section id="${id}"><h2>`));
    expect(runReport(run).text).toContain(`<li><a href="#${id}">${name}</a></li>`);
    expect(runReport(run).text).toContain(content.text);
  }
});

test('a single epoch is drawn', async () => {
  const report = await reportOf({ run: { epochs: learningEpochs(1) } });
  expect(report.match(/<svg[^>]* role="img"/g)).toHaveLength(2);
  expect(textOf(report)).toContain('The learning rate was 0.001 in the only epoch.');
  expect(report).not.toMatch(/NaN|Infinity/);
});

test('a report is replaced, another file is not', async () => {
  const directory = temporaryDirectory();
  writeRun(directory);
  const file = join(directory, 'mine.html');
  await writeReport([directory], file);
  await writeReport([directory], file);
  writeFileSync(file, '<!doctype html><p>mine');
  await expect(writeReport([directory], file)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
  expect(readFileSync(file, 'utf8')).toBe('<!doctype html><p>mine');
});

test('a directory that is no run names the runs in it', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'report.html');
  await expect(writeReport([directory], file)).rejects.toMatchObject({
    code: 'RUN_INVALID',
    message: expect.stringContaining('it has no config.json. Give what torch-tl run or train wrote to'),
  });
  writeRun(join(directory, 'base'));
  await expect(writeReport([directory], file)).rejects.toThrow(
    `The runs ${join(directory, 'base')} lie in it`,
  );
  await expect(writeReport([join(directory, 'none')], file)).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
  });
});

test.for(['config.json', 'results.json', 'validation.json', 'samples.json', 'epochs.jsonl'])(
  'a damaged %s is named',
  async (name) => {
    const directory = temporaryDirectory();
    writeRun(directory, name === 'epochs.jsonl' ? { results: null } : {});
    writeFileSync(join(directory, name), '{"formatVersion":2}\n');
    await expect(writeReport([directory], join(directory, 'report.html'))).rejects.toMatchObject({
      code: 'RUN_INVALID',
      message: expect.stringContaining(join(directory, name)),
    });
  },
);
