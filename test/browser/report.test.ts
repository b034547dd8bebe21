import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeReport } from '../../lib/report/report.ts';
import { withBest } from '../../lib/training/recorded-epochs.ts';
import { axeFindings, launchBrowser, newPage } from '../support/browser.ts';
import { chromium } from '../support/chromium.ts';
import { HIDDEN_COLUMNS, LOWEST_CONTRAST, TEXT_FAULTS } from '../support/page-checks.ts';
import { learningEpochs, type RunFiles, SETUP, validationReport, writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Reports in a real browser. What runs in the page is text: this side knows nothing of a DOM.
 */

const LONG =
  'a class whose name is longer than a phone is wide, and-has-a-part-that-cannot-be-broken-anywhere';
const MANY = Array.from({ length: 30 }, (_, index) => `class ${index}`);

const TEN = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

function tenCounted() {
  return { ...SETUP.dataset, classCounts: TEN.map((name) => ({ name, train: 5000, valid: 1000 })) };
}

const REPORTS: Record<string, () => Promise<RunFiles[]>> = {
  'a run': async () => [{ validation: await validationReport(['cat', 'dog', 'ship']) }],
  'ten classes': async () => [
    { setup: { classes: TEN, dataset: tenCounted() }, validation: await validationReport(TEN) },
  ],
  'many classes': async () => [{ setup: { classes: MANY }, validation: await validationReport(MANY) }],
  'long names': async () => [
    {
      setup: { classes: [LONG, 'b', 'c'], hardware: LONG.repeat(3) },
      validation: await validationReport([LONG, 'b', 'c']),
    },
  ],
  'stages and resumptions': async () => [staged(32, [4, 4, 4], [20, 31])],
  'too many stages to name': async () => [staged(32, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2], [1, 5, 6])],
  'a thousand epochs': async () => [staged(1000, [900], [])],
  'constant figures': async () => [
    {
      epochs: withBest(
        learningEpochs(9).map((epoch) => ({
          ...epoch,
          lr: 1e-3,
          ...{ trainLoss: 1.2499, validLoss: 1.25, trainAccuracy: 0.1, validAccuracy: 0.1 },
        })),
      ),
    },
  ],
  'a run with folds': async () => [{ results: { folds: foldsOf(3) } }],
  'a run without an epoch': async () => [
    { epochs: [], results: { stoppedBecause: 'failed', error: { code: 'OUT_OF_MEMORY', message: LONG } } },
  ],
  'several runs': async () => [
    { setup: { experiment: 'base' } },
    { results: { stoppedBecause: 'aborted' } },
    {},
  ],
};

/** Results of so many folds. */
function foldsOf(count: number): object {
  const spread = { mean: 0.9123, standardDeviation: 0.0213, interval95: [0.85, 0.97] };
  const best = { epoch: 12, validAccuracy: 0.9, validLoss: 0.4321 };
  return {
    accuracy: spread,
    loss: spread,
    epochs: 12,
    folds: Array.from({ length: count }, (_, index) => ({
      fold: index + 1,
      train: 10000,
      valid: 5000,
      best,
      seconds: 9,
    })),
    outOfFold: { accuracy: 0.91, loss: 0.5, count: 15000 },
  };
}

/** A run of so many epochs, whose stages but the last have these lengths, and that was resumed after these epochs. */
function staged(count: number, lengths: readonly number[], resumed: readonly number[]): RunFiles {
  const starts = lengths.map((_, index) =>
    lengths.slice(0, index + 1).reduce((sum, length) => sum + length, 0),
  );
  const stageOf = (epoch: number) => 1 + starts.filter((start) => epoch > start).length;
  return {
    epochs: learningEpochs(count).map((epoch) => ({ ...epoch, stage: stageOf(epoch.epoch) })),
    results: { resumed: resumed.map((epoch) => ({ epoch, batch: 0 })) },
  };
}

describe.skipIf(chromium === undefined)(
  `reports in Chromium${chromium ? '' : ' (none is installed)'}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launchBrowser();
    });
    afterAll(() => browser?.close());

    /** Opens a report, and notes what it complains of and asks for. */
    async function opened(name: string, width: number) {
      const directory = temporaryDirectory();
      const runs = (await (REPORTS[name] as () => Promise<RunFiles[]>)()).map((files, index) => {
        writeRun(join(directory, `run-${index}`), files);
        return join(directory, `run-${index}`);
      });
      const file = join(directory, 'report.html');
      await writeReport(runs, file);
      const { page, complaints, requests } = await newPage(browser, { width, colorScheme: 'light' });
      await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
      // Everything that unfolds is looked at too, but for a table of a thousand rows, which takes half a minute.
      if (name !== 'a thousand epochs') {
        await page.evaluate(
          "document.querySelectorAll('details').forEach((details) => { details.open = true; })",
        );
      }
      return { page, complaints, requests: requests.filter((url) => !url.startsWith('data:')), file };
    }

    test.for(Object.keys(REPORTS).flatMap((name) => [360, 1280].map((width) => [name, width] as const)))(
      '%s at %d pixels, light and dark',
      async ([name, width]) => {
        const { page, complaints, requests, file } = await opened(name, width);
        expect(complaints).toEqual([]);
        expect(requests).toEqual([pathToFileURL(file).href]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);

        for (const drawing of await page.locator('svg[role=img]').all()) {
          const box = await drawing.boundingBox();
          expect(box?.width).toBeGreaterThan(280);
          expect(box?.height).toBeGreaterThan(150);
        }
        expect(await page.getByRole('img', { name: /per epoch$/ }).count()).toBe(
          { 'a run without an epoch': 0, 'several runs': 2, 'constant figures': 2 }[name] ?? 3,
        );
        expect(
          await page.evaluate(
            '[...document.images].every((image) => image.complete && image.naturalWidth > 0)',
          ),
        ).toBe(true);
        expect(await page.evaluate(TEXT_FAULTS)).toEqual([]);
        expect(await axeFindings(page)).toEqual([]);

        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          const { contrast, text } = (await page.evaluate(LOWEST_CONTRAST)) as {
            contrast: number;
            text: string;
          };
          expect(contrast, `${text}, ${colorScheme}`).toBeGreaterThanOrEqual(4.5);
        }
        await page.close();
      },
    );

    test('the words of a chart stand where they are looked for', async () => {
      const { page } = await opened('stages and resumptions', 1280);
      const accuracy = page.locator('figure.chart').first();
      expect(await accuracy.locator('.label').allTextContents()).toEqual([
        'stage 2',
        'stage 3',
        'best',
        'stage 4',
        'resumed',
        'resumed',
      ]);
      expect(await accuracy.locator('.legend li').allTextContents()).toEqual([
        'validation',
        'training',
        'the paper: 92.72 %',
      ]);
      const many = await opened('too many stages to name', 1280);
      const text = (await many.page.locator('figure.chart').first().textContent()) ?? '';
      expect(text).toContain('Vertical lines: best (epoch 12), stage 2 (epoch 3), stage 3 (epoch 5)');
      expect(text).toContain('resumed (epoch 1, 5, 6).');
      await page.close();
      await many.page.close();
    });

    test.for([
      ['ten classes', 360],
      ['ten classes', 375],
      ['ten classes', 1280],
      ['stages and resumptions', 375],
      ['a run with folds', 375],
      ['several runs', 375],
    ] as const)('no column is hidden: %s at %d pixels', async ([name, width]) => {
      const { page } = await opened(name, width);
      const hidden = (await page.evaluate(HIDDEN_COLUMNS)) as string[];
      // A matrix of ten classes is wider than a phone.
      const isMatrix = (caption: string) => caption.startsWith('Number of images by true class');
      expect(hidden.filter((caption) => width === 1280 || !isMatrix(caption))).toEqual([]);
      await page.close();
    });

    test('on a wide screen tables and charts that belong together stand side by side', async () => {
      const { page } = await opened('ten classes', 1280);
      const [matrix, classes] = await Promise.all(
        [/^Number of images by true class/, /^Precision: /].map((name) =>
          page.getByRole('region', { name }).boundingBox(),
        ),
      );
      expect(classes?.x).toBeGreaterThan((matrix?.x ?? 0) + (matrix?.width ?? 0));
      const tops = await page.evaluate(
        "[...document.querySelectorAll('#curves figure.chart')].map((figure) => figure.getBoundingClientRect().top)",
      );
      expect(new Set(tops as number[]).size).toBe(1);
      await page.close();
    });

    test('a link leads to the report beside it', async () => {
      const directory = temporaryDirectory();
      const runs = ['one', 'a b#c?%'].map((name) => join(directory, name));
      for (const run of runs) writeRun(run);
      for (const run of [...runs, ...runs]) await writeReport([run], join(run, 'report.html'));
      const page = await browser.newPage();
      await page.goto(pathToFileURL(join(directory, 'one', 'report.html')).href);
      await page.getByRole('link', { name: 'a b#c?%' }).click();
      await page.getByRole('link', { name: 'one' }).click();
      expect(page.url()).toBe(pathToFileURL(join(directory, 'one', 'report.html')).href);
      await page.close();
    });

    test('a matrix is read as rows and columns with names', async () => {
      const { page } = await opened('a run', 1280);
      const matrix = page.getByRole('region', { name: /^Number of images by true class/ });
      expect(await matrix.getByRole('columnheader').allTextContents()).toEqual(['cat', 'dog', 'ship']);
      expect(await matrix.getByRole('rowheader').allTextContents()).toEqual(['cat', 'dog', 'ship']);
      await page.close();
    });
  },
);
