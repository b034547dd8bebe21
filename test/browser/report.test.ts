import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeReport } from '../../lib/report/report.ts';
import { chromium } from '../support/chromium.ts';
import { type RunFiles, validationReport, writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Reports in a real browser. What runs in the page is text: this side knows nothing of a DOM.
 */

const LONG =
  'a class whose name is longer than a phone is wide, and-has-a-part-that-cannot-be-broken-anywhere';
const MANY = Array.from({ length: 30 }, (_, index) => `class ${index}`);

const REPORTS: Record<string, () => Promise<RunFiles[]>> = {
  'a run': async () => [{ validation: await validationReport(['cat', 'dog', 'ship']) }],
  'many classes': async () => [{ setup: { classes: MANY }, validation: await validationReport(MANY) }],
  'long names': async () => [
    {
      setup: { classes: [LONG, 'b', 'c'], hardware: LONG.repeat(3) },
      validation: await validationReport([LONG, 'b', 'c']),
    },
  ],
  'a run without an epoch': async () => [
    { epochs: [], results: { stoppedBecause: 'failed', error: { code: 'OUT_OF_MEMORY', message: LONG } } },
  ],
  'several runs': async () => [
    { setup: { experiment: 'base' } },
    { results: { stoppedBecause: 'aborted' } },
    {},
  ],
};

const VIEWS = [
  { width: 360, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
] as const;

/** The lowest contrast of any text in the page, with the text: WCAG's ratio of luminances. */
const LOWEST_CONTRAST = `(() => {
  const channels = (colour) => {
    const numbers = colour.match(/[\\d.]+(e-?\\d+)?/g).map(Number);
    return colour.startsWith('rgb') ? numbers.map((n, i) => (i < 3 ? n / 255 : n)) : numbers;
  };
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let lowest = { contrast: Infinity, text: '' };
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || element.closest('title, desc')) continue;
    const style = getComputedStyle(element);
    const [a, b] = [element.closest('svg') ? style.fill : style.color, background(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < lowest.contrast) lowest = { contrast, text: node.data };
  }
  return lowest;
})()`;

describe.skipIf(chromium === undefined)(
  `reports in Chromium${chromium ? '' : ' (none is installed)'}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
      browser = await playwright.launch({
        executablePath: chromium as string,
        args: ['--no-sandbox', '--disable-gpu', '--no-first-run', ...quiet],
      });
    });
    afterAll(() => browser?.close());

    /** Opens a report, and notes what it complains of and asks for. */
    async function opened(name: string, { width, colorScheme }: (typeof VIEWS)[number]) {
      const directory = temporaryDirectory();
      const runs = (await (REPORTS[name] as () => Promise<RunFiles[]>)()).map((files, index) => {
        writeRun(join(directory, `run-${index}`), files);
        return join(directory, `run-${index}`);
      });
      const file = join(directory, 'report.html');
      await writeReport(runs, file);
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      const complaints: string[] = [];
      const requests: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
      // Everything that unfolds is looked at too.
      await page.evaluate(
        "document.querySelectorAll('details').forEach((details) => { details.open = true; })",
      );
      return { page, complaints, requests: requests.filter((url) => !url.startsWith('data:')), file };
    }

    test.for(Object.keys(REPORTS).flatMap((name) => VIEWS.map((view) => [name, view] as const)))(
      '%s, %j',
      async ([name, view]) => {
        const { page, complaints, requests, file } = await opened(name, view);
        expect(complaints).toEqual([]);
        expect(requests).toEqual([pathToFileURL(file).href]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(view.width);

        for (const drawing of await page.locator('svg[role=img]').all()) {
          const box = await drawing.boundingBox();
          expect(box?.width).toBeGreaterThan(280);
          expect(box?.height).toBeGreaterThan(150);
        }
        expect(await page.getByRole('img', { name: /per epoch$/ }).count()).toBe(
          { 'a run without an epoch': 0, 'several runs': 2 }[name] ?? 3,
        );
        expect(
          await page.evaluate(
            '[...document.images].every((image) => image.complete && image.naturalWidth > 0)',
          ),
        ).toBe(true);

        const { contrast, text } = (await page.evaluate(LOWEST_CONTRAST)) as {
          contrast: number;
          text: string;
        };
        expect(contrast, text).toBeGreaterThanOrEqual(4.5);
        await page.close();
      },
    );

    test('no text of a chart is cut off, or lies over another', async () => {
      const { page } = await opened('a run', VIEWS[0]);
      const faults = await page.evaluate(`[...document.querySelectorAll('svg[role=img]')].flatMap((svg) => {
      const outer = svg.getBoundingClientRect();
      const boxes = [...svg.querySelectorAll('text')].map((text) => ({ name: text.textContent, box: text.getBoundingClientRect() }));
      const cut = boxes.filter(({ box }) => box.left < outer.left || box.right > outer.right || box.bottom > outer.bottom);
      const over = boxes.filter((a, i) => boxes.slice(i + 1).some((b) =>
        a.box.left < b.box.right && b.box.left < a.box.right && a.box.top < b.box.bottom && b.box.top < a.box.bottom));
      return [...cut, ...over].map(({ name }) => name);
    })`);
      expect(faults).toEqual([]);
      await page.close();
    });

    test('a matrix is read as rows and columns with names', async () => {
      const { page } = await opened('a run', VIEWS[2]);
      const matrix = page.getByRole('region', { name: /^Number of images by true class/ });
      expect(await matrix.getByRole('columnheader').allTextContents()).toEqual(['cat', 'dog', 'ship']);
      expect(await matrix.getByRole('rowheader').allTextContents()).toEqual(['cat', 'dog', 'ship']);
      await page.close();
    });
  },
);
