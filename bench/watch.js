// What it costs a training to be watched: the same run without --watch, and with it and a page open in Chromium, in turn.
// Also how large the page is after so many epochs.
//
//     node bench/watch.js [--rounds 3] [--epochs 300] [--image-size 64]
//
// CHROMIUM names the browser, otherwise it is looked for in /usr/bin.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '300' },
    'image-size': { type: 'string', default: '64' },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'torch-tl-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});

/** Trains, and gives seconds per epoch (median) and the epochs' losses. */
async function trained(name, flags, onUrl = async () => {}) {
  const out = join(directory, name);
  const settings = ['--image-size', values['image-size'], '--epochs', values.epochs];
  const args = [
    'bin/torch-tl.js',
    'run',
    'finetune',
    ...settings,
    '--early-stopping-patience',
    'off',
    '--out',
    out,
  ];
  const child = spawn(process.execPath, [...args, ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  let opened;
  for await (const piece of child.stdout) {
    printed += piece;
    const [, url] = /Watch: (http:\S+)/.exec(printed) ?? [];
    if (url && !opened) opened = onUrl(url);
  }
  await opened;
  const { epochs, seconds } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  return {
    losses: epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]),
    seconds: seconds.training,
  };
}

/** Opens a page, and notes its size after every so many epochs, until its training is over. */
async function watched(url) {
  const page = await browser.newPage();
  await page.goto(url);
  const devtools = await page.context().newCDPSession(page);
  const sizes = [];
  for (let isOver = false; !isOver; ) {
    await new Promise((resolve) => setTimeout(resolve, 5000));
    isOver = (await page.locator('.state').getAttribute('data-state')) === 'over';
    await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    const { nodes } = await devtools.send('Memory.getDOMCounters');
    const said = await page.locator('#said').textContent();
    sizes.push(`${/\d+/.exec(said)?.[0] ?? '-'}: ${(usedSize / 1e6).toFixed(1)} MB, ${nodes} nodes`);
  }
  await page.close();
  return sizes;
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const times = { alone: [], watched: [] };
await trained('warm', []);
for (let round = 0; round < Number(values.rounds); round++) {
  const alone = await trained(`alone-${round}`, []);
  let sizes = [];
  const seen = await trained(`watched-${round}`, ['--watch', '0'], async (url) => {
    sizes = await watched(url);
  });
  times.alone.push(alone.seconds);
  times.watched.push(seen.seconds);
  const isSame = JSON.stringify(alone.losses) === JSON.stringify(seen.losses);
  console.log(
    `alone ${alone.seconds.toFixed(1)} s  watched ${seen.seconds.toFixed(1)} s  losses ${isSame ? 'equal to the bit' : 'DIFFER'}`,
  );
  console.log(`  page after epoch ${sizes.join('; ')}`);
}
await browser.close();
console.log(`ratio of medians ${(median(times.watched) / median(times.alone)).toFixed(3)}`);
