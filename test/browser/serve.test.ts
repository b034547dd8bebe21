import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { servePredictions } from '../../lib/serve/service.ts';
import { axeFindings, launchBrowser, newPage, VIEWS, type View } from '../support/browser.ts';
import { chromium } from '../support/chromium.ts';
import { scene } from '../support/scenes.ts';
import { startedService } from '../support/service.ts';
import { smallModel } from '../support/small-data.ts';

/*
 * The page to try a model in a real browser. What runs in the page is text: this side knows nothing of a DOM.
 */

interface Picture {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** A photograph-like picture that is no square. */
async function photo(name: string, number: number, width = 480, height = 320): Promise<Picture> {
  const image = sharp(await (await scene(number, 480)).toBuffer()).resize(width, height, { fit: 'cover' });
  return { name, mimeType: 'image/jpeg', buffer: await image.jpeg().toBuffer() };
}

async function tiff(name: string): Promise<Picture> {
  return { name, mimeType: 'image/tiff', buffer: await (await scene(9, 64)).tiff().toBuffer() };
}

const broken = (name: string): Picture => ({ name, mimeType: 'image/png', buffer: Buffer.from('no image') });

/** Keeps the URLs of pictures that the page has made and not revoked. */
const COUNT_OBJECT_URLS = `(() => {
  const { createObjectURL, revokeObjectURL } = URL;
  window.objectUrls = new Set();
  window.madeUrls = 0;
  URL.createObjectURL = (file) => {
    const url = createObjectURL.call(URL, file);
    window.objectUrls.add(url);
    window.madeUrls += 1;
    return url;
  };
  URL.revokeObjectURL = (url) => {
    window.objectUrls.delete(url);
    revokeObjectURL.call(URL, url);
  };
})()`;

/** Where screenshots are written, for people to look at. */
const SCREENSHOTS = process.env.TORCH_TL_SCREENSHOTS;

describe.skipIf(chromium === undefined)(
  `the page of torch-tl serve in Chromium${chromium ? '' : ' (none is installed)'}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await launchBrowser();
    });
    afterAll(() => browser?.close());

    /** Opens the page, and notes what it complains of and whom it asks. */
    async function opened(url: string, { width, colorScheme }: View = { width: 1280, colorScheme: 'light' }) {
      const { page, complaints, requests } = await newPage(browser, { width, colorScheme });
      onTestFinished(() => page.close());
      await page.addInitScript(COUNT_OBJECT_URLS);
      await page.goto(url, { waitUntil: 'networkidle' });
      const look = async (name: string) => {
        if (SCREENSHOTS)
          await page.screenshot({
            path: `${SCREENSHOTS}/${name}-${width}-${colorScheme}.png`,
            fullPage: true,
          });
      };
      const isQuiet = () => {
        expect(complaints).toEqual([]);
        const origins = new Set(requests.map((address) => new URL(address).origin));
        expect([...origins].filter((origin) => origin !== 'null')).toEqual([new URL(url).origin]);
      };
      return { page, complaints, look, isQuiet };
    }

    const cards = (page: Page) => page.getByRole('list', { name: 'Pictures' }).locator('> li');

    test.for(VIEWS)('classifies pictures, $width $colorScheme', async (view) => {
      const { model, url } = await startedService();
      const { page, look, isQuiet } = await opened(url, view);
      await look('empty');
      expect(await axeFindings(page)).toEqual([]);
      const chosen = [
        await photo('meadow in June.jpg', 1),
        await photo('a name that is longer than any screen is wide-'.repeat(4), 2, 300, 480),
        broken('broken.png'),
        await tiff('scan.tif'),
        await photo('line.jpg', 3, 4000, 1),
      ];
      await page.getByLabel('Choose pictures').setInputFiles(chosen);
      await expect
        .poll(() => page.getByRole('status').first().textContent())
        .toContain('All 5 pictures are done.');

      const shown = cards(page);
      expect(await shown.getByRole('heading').allTextContents()).toEqual(chosen.map(({ name }) => name));
      const [prediction] = await model.predict(chosen[0]?.buffer as Buffer);
      const bars = await shown
        .nth(0)
        .getByRole('list', { name: 'Likeliest classes' })
        .getByRole('listitem')
        .allTextContents();
      expect(bars).toHaveLength(5);
      expect(bars[0]).toBe(`${prediction?.label}${(100 * (prediction?.probability ?? 0)).toFixed(1)} %`);
      expect(await shown.nth(2).textContent()).toContain('it is not an image in a supported format');
      expect(await shown.nth(3).textContent()).toContain('This browser cannot show TIFF pictures');
      expect(await shown.nth(3).getByRole('listitem').count()).toBe(5);

      const heat = shown.nth(0).getByRole('button', { name: 'Heat map' });
      await heat.focus();
      await page.keyboard.press('Enter');
      await expect.poll(() => heat.getAttribute('aria-pressed')).toBe('true');
      const map = shown.nth(0).getByRole('img', { name: `Heat map: where ${prediction?.label} shows` });
      await expect.poll(() => map.isVisible()).toBe(true);
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Heat map');
      expect(await shown.nth(0).getByRole('status').textContent()).toContain(`most for ${prediction?.label}`);
      await look('pictures');
      expect(await axeFindings(page)).toEqual([]);
      await page.keyboard.press('Enter');
      await expect.poll(() => map.isVisible()).toBe(false);

      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(view.width);
      isQuiet();
      expect(await page.evaluate('[window.madeUrls, window.objectUrls.size]')).toEqual([5, 0]);
      await page.getByRole('button', { name: 'Remove all pictures' }).click();
      expect(await cards(page).count()).toBe(0);
      isQuiet();
    });

    test('takes pictures that are dropped and pasted', async () => {
      const { url } = await startedService();
      const { page, isQuiet } = await opened(url);
      for (const [index, [kind, property]] of (
        [
          ['drop', 'dataTransfer'],
          ['paste', 'clipboardData'],
        ] as const
      ).entries()) {
        const { name, mimeType, buffer } = await photo(`${kind}.jpg`, index);
        await page.evaluate(`(() => {
          const bytes = Uint8Array.from(atob('${buffer.toString('base64')}'), (sign) => sign.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], '${name}', { type: '${mimeType}' }));
          const event = '${kind}' === 'drop'
            ? new DragEvent('drop', { ${property}: data, bubbles: true, cancelable: true })
            : new ClipboardEvent('paste', { ${property}: data, bubbles: true, cancelable: true });
          document.body.dispatchEvent(event);
        })()`);
        await expect.poll(() => cards(page).count()).toBe(index + 1);
        await expect.poll(() => cards(page).nth(index).getByRole('listitem').count()).toBe(5);
      }
      isQuiet();
    });

    test.for(['cover', 'contain', 'stretch'] as const)(
      'outlines what the model sees with %s',
      async (resize) => {
        const model = await smallModel({ resize, imageSize: 160 });
        const service = await servePredictions(model);
        onTestFinished(() => service.close());
        const { page, look } = await opened(await service.listen({ port: 0 }));
        await page.getByLabel('Choose pictures').setInputFiles([await photo('a.jpg', 5, 480, 320)]);
        const card = cards(page).nth(0);
        await card.getByRole('button', { name: 'Heat map' }).click();
        await card.locator('canvas').waitFor();
        const picture = await card.getByRole('img', { name: /^a\.jpg/ }).boundingBox();
        const outline = await card.locator('.seen').boundingBox();
        await look(resize);
        if (!picture || !outline) throw new Error('Nothing is shown.');
        expect(picture.width / picture.height).toBeCloseTo(1.5, 1);
        const share = { cover: [2 / 3, 1], contain: [1, 1.5], stretch: [1, 1] }[resize];
        // One of the model's pixels more or less.
        expect(Math.abs(outline.width / picture.width - (share[0] as number))).toBeLessThan(0.05);
        expect(Math.abs(outline.height / picture.height - (share[1] as number))).toBeLessThan(0.05);
        expect(Math.abs(outline.x + outline.width / 2 - picture.x - picture.width / 2)).toBeLessThan(8);
        const seen = card.getByRole('button', { name: 'What the model sees' });
        await seen.click();
        expect(await seen.getAttribute('aria-pressed')).toBe('false');
        expect(await card.locator('.seen').isVisible()).toBe(false);
      },
    );

    test('asks for a token, keeps it in memory only, and works with it', async () => {
      const { url } = await startedService({ token: 'open-sesame' });
      const { page, complaints, look, isQuiet } = await opened(url, { width: 375, colorScheme: 'light' });
      await look('token');
      expect(await axeFindings(page)).toEqual([]);
      expect(await page.getByLabel('Choose pictures').isVisible()).toBe(false);
      isQuiet();
      await page.getByLabel('Token of this server').fill('wrong');
      await page.keyboard.press('Enter');
      await expect.poll(() => page.getByText('This is not the token of this server.').isVisible()).toBe(true);
      // Chromium itself notes the refused request.
      expect(complaints.splice(0)).toHaveLength(1);
      await page.getByLabel('Token of this server').fill('open-sesame');
      await page.keyboard.press('Enter');
      await page.getByLabel('Choose pictures').setInputFiles([await photo('a.jpg', 5)]);
      await expect.poll(() => cards(page).nth(0).getByRole('listitem').count()).toBe(5);
      expect(
        await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length'),
      ).toBe(0);
      expect(page.url()).toBe(url);
      isQuiet();
    });

    test('says what the server cannot take without sending it', async () => {
      const { url } = await startedService({ maxBodySize: 20_000, maxPixels: 100_000 });
      const { page, isQuiet } = await opened(url);
      const large = { ...(await photo('large.jpg', 1)), buffer: Buffer.alloc(30_000) };
      await page
        .getByLabel('Choose pictures')
        .setInputFiles([large, await photo('many pixels.jpg', 3, 4000, 30)]);
      await expect.poll(() => cards(page).nth(0).textContent()).toContain('The file is larger than');
      await expect.poll(() => cards(page).nth(1).textContent()).toContain('4000 x 30 pixels');
      isQuiet();
    });
  },
);
