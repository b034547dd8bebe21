import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { lockFile } from '../../lib/files/file-lock.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { WatchServer } from '../../lib/watch/watch-server.ts';
import { torchTlProcess } from '../cli/torch-tl.ts';
import { axeFindings, launchBrowser, newPage, VIEWS } from '../support/browser.ts';
import { chromium } from '../support/chromium.ts';
import { LOWEST_CONTRAST } from '../support/page-checks.ts';
import { learningEpochs, validationReport, writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Runs that people watch in a real browser.
 */

const FINETUNE = ['run', 'finetune', '--image-size', '32'];

async function watchedOn(directory: string, port = 0): Promise<{ url: string; server: WatchServer }> {
  const server = await WatchServer.create({ directory });
  onTestFinished(() => server.close());
  return { url: await server.listen({ host: '127.0.0.1', port }), server };
}

/** Starts a training that can be killed. */
function startedTraining(args: string[]) {
  const process = { pid: 0 };
  const ended = torchTlProcess(args, {
    cwd: packageRoot,
    env: { OMP_NUM_THREADS: '1' },
    onStart: (pid) => {
      process.pid = pid;
    },
  });
  return { process, ended };
}

const state = (page: Page) => page.locator('.state');
/** Number of markers of the accuracy curve that is drawn. */
const markers = (page: Page) =>
  page.locator('#curves .chart').first().locator('svg[role=img] .marker').count();

describe.skipIf(chromium === undefined)(
  `torch-tl watch in Chromium${chromium ? '' : ' (none is installed)'}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launchBrowser();
    });
    afterAll(() => browser?.close());

    test('follows a run from before its first second to its end, without a reload', async () => {
      const directory = join(temporaryDirectory(), 'runs');
      mkdirSync(directory);
      const { url } = await watchedOn(directory);
      const { page, complaints, requests } = await newPage(browser);
      await page.goto(url);
      await expect.poll(() => state(page).textContent()).toContain('There is no run yet');
      // Epochs of half a second, so that there are curves to be seen between the first and the last ones.
      const slowly = ['--limit-train', '400', '--no-feature-cache', '--early-stopping-patience', 'off'];
      const out = join(directory, 'one');
      const { ended } = startedTraining([...FINETUNE, ...slowly, '--epochs', '12', '--out', out]);
      await page.getByRole('link', { name: 'one' }).click({ timeout: 60_000 });
      const seen: number[] = [];
      await expect
        .poll(
          async () => {
            seen.push(await markers(page));
            return state(page).textContent();
          },
          { timeout: 120_000, interval: 200 },
        )
        .toBe('finished');
      expect(await ended).toMatchObject({ code: 0 });
      // 2 sets of 12 epochs, and fewer before. Curves are drawn every few seconds.
      await expect.poll(() => markers(page), { timeout: 10_000 }).toBe(24);
      expect(seen.some((count) => count > 0 && count < 24)).toBe(true);
      await page.getByRole('region', { name: /^Number of images by true class/ }).waitFor();
      expect(await page.getByRole('heading', { name: 'Worst mistakes' }).count()).toBe(1);
      expect(complaints).toEqual([]);
      expect(requests.every((address) => address.startsWith(url) || address.startsWith('data:'))).toBe(true);
      await page.close();
    });

    test('shows within five seconds that a run was killed', async () => {
      const directory = join(temporaryDirectory(), 'run');
      const { process: training, ended } = startedTraining([
        ...FINETUNE,
        '--epochs',
        '100000',
        '--out',
        directory,
      ]);
      const { url } = await watchedOn(directory);
      const { page } = await newPage(browser);
      await page.goto(url);
      await page.getByText(/epoch \d+ of 100000/).waitFor({ timeout: 120_000 });
      process.kill(training.pid, 'SIGKILL');
      const killed = performance.now();
      await page.getByText('The process of this run is gone').waitFor({ timeout: 5000 });
      expect(performance.now() - killed).toBeLessThan(5000);
      await page.getByText(/Its last words, at .*epoch \d+ of 100000/).waitFor();
      await ended;
      await page.close();
    });

    test('connects again to a server that was restarted, and says so while there is none', async () => {
      const directory = temporaryDirectory();
      writeRun(directory, { epochs: learningEpochs(2), results: null });
      const lock = lockFile(join(directory, 'lock'));
      const { url, server } = await watchedOn(directory);
      const { page } = await newPage(browser);
      await page.goto(url);
      await expect.poll(() => state(page).textContent()).toBe('running');
      await server.close();
      await page.getByText('The connection to torch-tl watch was lost').waitFor();
      const line = { formatVersion: 1, ...learningEpochs(3).at(-1) };
      appendFileSync(join(directory, 'epochs.jsonl'), `${JSON.stringify(line)}\n`);
      await watchedOn(directory, Number(new URL(url).port));
      await expect.poll(() => page.locator('#connection').isVisible(), { timeout: 10_000 }).toBe(false);
      await expect.poll(() => markers(page)).toBe(6);
      lock?.release();
      await page.close();
    });

    test('says that a run is over when the server that trained it ends', async () => {
      const directory = temporaryDirectory();
      writeRun(directory);
      const { url, server } = await watchedOn(directory);
      const { page } = await newPage(browser);
      await page.goto(url);
      await expect.poll(() => state(page).textContent()).toBe('finished');
      await server.close();
      await page.getByText('The run is over, and torch-tl watch is gone.').waitFor();
      await page.close();
    });

    test('keeps what a reader has unfolded, and where the focus is', async () => {
      const directory = temporaryDirectory();
      writeRun(directory, { epochs: learningEpochs(2), results: null });
      const { page } = await newPage(browser);
      await page.goto((await watchedOn(directory)).url);
      const table = page.locator('#curves summary').nth(1);
      await table.click();
      await table.focus();
      const line = { formatVersion: 1, ...learningEpochs(3).at(-1) };
      appendFileSync(join(directory, 'epochs.jsonl'), `${JSON.stringify(line)}\n`);
      await expect.poll(() => markers(page), { timeout: 5000 }).toBe(6);
      expect(await page.locator('#curves details').nth(1).getAttribute('open')).not.toBeNull();
      expect(await page.locator('#curves details').nth(0).getAttribute('open')).toBeNull();
      expect(
        await page.evaluate("document.activeElement === document.querySelectorAll('#curves summary')[1]"),
      ).toBe(true);
      await page.close();
    });

    test('holds no more memory the longer it follows', { timeout: 120_000 }, async () => {
      const directory = temporaryDirectory();
      const all = learningEpochs(105);
      writeRun(directory, { epochs: all.slice(0, 100), results: null });
      const lock = lockFile(join(directory, 'lock'));
      const { page } = await newPage(browser);
      await page.goto((await watchedOn(directory)).url);
      const devtools = await page.context().newCDPSession(page);
      const nodes = async () => {
        await devtools.send('HeapProfiler.collectGarbage');
        return (await devtools.send('Memory.getDOMCounters')).nodes;
      };
      const first = await nodes();
      for (const epoch of all.slice(100)) {
        appendFileSync(
          join(directory, 'epochs.jsonl'),
          `${JSON.stringify({ formatVersion: 1, ...epoch })}\n`,
        );
        await page
          .getByText(`epoch ${epoch.epoch} of`)
          .or(page.locator('#said', { hasText: `Epoch ${epoch.epoch} ` }))
          .first()
          .waitFor({ state: 'attached' });
      }
      // A row of three tables and at most a few markers more for each epoch; nothing of the earlier pages, once the
      // browser has let go of them.
      await expect.poll(nodes, { timeout: 10_000 }).toBeLessThan(first * 1.5);
      lock?.release();
      await page.close();
    });

    test.for(VIEWS)('is legible and usable by everybody at %j', async (view) => {
      const directory = temporaryDirectory();
      writeRun(join(directory, 'one'), { epochs: learningEpochs(5), results: null });
      writeRun(join(directory, 'two'), { validation: await validationReport(['cat', 'dog', 'ship']) });
      const lock = lockFile(join(directory, 'one', 'lock'));
      const progress = {
        ...{
          formatVersion: 1,
          updated: '2026-11-30T07:00:00Z',
          fold: { fold: 2, folds: 5 },
          warnings: ['No GPU is used.'],
        },
        activity: {
          ...{ kind: 'training', epoch: 6, epochs: 8, batch: 7, batches: 20, loss: 0.5, accuracy: 0.8 },
          ...{ imagesPerSecond: 1234, done: 107, total: 160, secondsLeft: 42 },
        },
      };
      writeFileSync(join(directory, 'one', 'progress.json'), JSON.stringify(progress));
      const { url } = await watchedOn(directory);
      for (const address of [url, `${url}?run=one`, `${url}?run=two`]) {
        const { page, complaints } = await newPage(browser, view);
        await page.goto(address);
        await state(page).waitFor({ state: 'attached' });
        await page.evaluate(
          "document.querySelectorAll('details').forEach((details) => { details.open = true; })",
        );
        expect(await axeFindings(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(view.width);
        const { contrast, text } = (await page.evaluate(LOWEST_CONTRAST)) as {
          contrast: number;
          text: string;
        };
        expect(contrast, text).toBeGreaterThanOrEqual(4.5);
        expect(complaints).toEqual([]);
        const shots = process.env.TORCH_TL_SCREENSHOTS;
        if (shots) {
          const name = `watch-${new URL(address).search.slice(5) || 'all'}-${view.width}-${view.colorScheme}.png`;
          await page.screenshot({ path: join(shots, name), fullPage: true });
        }
        await page.close();
      }
      lock?.release();
    });
  },
);
