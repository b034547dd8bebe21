import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { chromium } from './chromium.ts';

/*
 * Pages in a real browser. What runs in a page is text: this side knows nothing of a DOM.
 */

/** Starts the browser. */
export function launchBrowser(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return playwright.launch({
    executablePath: chromium as string,
    // The library of a sanitizer is for this process and its like.
    env: { ...(process.env as Record<string, string>), LD_PRELOAD: '' },
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-quic', ...quiet],
  });
}

export interface View {
  width: number;
  colorScheme: 'light' | 'dark';
}

/** Phone and desktop, light and dark. */
export const VIEWS: readonly View[] = [375, 1280].flatMap((width) => [
  { width, colorScheme: 'light' },
  { width, colorScheme: 'dark' },
]);

/** An empty page, and what it complains of and asks for from now on. */
export async function newPage(
  browser: Browser,
  { width, colorScheme }: View = { width: 1280, colorScheme: 'light' },
) {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  return { page, complaints, requests };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong with a page for people who use a keyboard, a screen reader or poor eyes. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => id + ': ' + help + ': ' + html.slice(0, 200))))`,
  );
}
