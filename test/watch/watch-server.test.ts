import { appendFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RunDirectory } from '../../lib/experiments/run-directory.ts';
import { RunTracker } from '../../lib/experiments/run-status.ts';
import { lockFile } from '../../lib/files/file-lock.ts';
import { findRuns } from '../../lib/watch/find-runs.ts';
import { type Watched, WatchServer } from '../../lib/watch/watch-server.ts';
import { crossValidated, learningEpochs, SETUP, writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

interface Message {
  event: string;
  data: unknown;
}

async function serving(watched: Watched): Promise<string> {
  const server = await WatchServer.create(watched);
  onTestFinished(() => server.close());
  return server.listen({ host: '127.0.0.1', port: 0 });
}

/** Follows a page's events, as a browser does. */
async function followed(url: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const response = await fetch(url, { signal: stop.signal });
  const messages: Message[] = [];
  let rest = '';
  const reading = (async () => {
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (rest + piece).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (event && data) messages.push({ event, data: JSON.parse(data) });
      }
    }
  })();
  reading.catch(() => {});
  /** The newest content of a section. */
  const section = (id: string) =>
    messages
      .filter(({ event }) => event === 'section')
      .map(({ data }) => data as { id: string; html: string })
      .findLast((one) => one.id === id)?.html ?? '';
  return { messages, section, response };
}

function unfinished(directory: string, epochs: number): void {
  writeRun(directory, { epochs: learningEpochs(epochs), results: null });
}

function addEpoch(directory: string, epoch: number): void {
  const line = { formatVersion: 1, ...learningEpochs(epoch).at(-1) };
  appendFileSync(join(directory, 'epochs.jsonl'), `${JSON.stringify(line)}\n`);
}

describe('a page', () => {
  test('is sent what has changed, and nothing else', async () => {
    const directory = temporaryDirectory();
    unfinished(directory, 2);
    const lock = lockFile(join(directory, 'lock'));
    const { messages, section } = await followed(`${await serving({ directory })}events`);
    await expect.poll(() => section('state')).toContain('running');
    const before = messages.length;
    addEpoch(directory, 3);
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('Epoch 3 has ended');
    // Curves are drawn every few seconds.
    await expect.poll(() => section('curves-section'), { timeout: 5000 }).toContain('epoch 3');
    const changed = messages.slice(before).map(({ data }) => (data as { id: string }).id);
    expect(changed).toContain('curves-section');
    expect(changed).not.toContain('repeat-section');
    lock?.release();
  });

  test('says when the process is gone, and when the run has ended', async () => {
    const directory = temporaryDirectory();
    unfinished(directory, 2);
    const lock = lockFile(join(directory, 'lock'));
    const { section } = await followed(`${await serving({ directory })}events`);
    await expect.poll(() => section('state')).toContain('data-state="running"');
    lock?.release();
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('process gone');
    writeRun(directory, { epochs: learningEpochs(32) });
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('The run trained all 32 epochs');
  });

  test('shows what the run does, from its progress.json', async () => {
    const directory = temporaryDirectory();
    unfinished(directory, 0);
    const lock = lockFile(join(directory, 'lock'));
    const { section } = await followed(`${await serving({ directory })}events`);
    const says = (activity: object, more = {}) =>
      writeFileSync(
        join(directory, 'progress.json'),
        JSON.stringify({ formatVersion: 1, updated: 'now', activity, fold: null, warnings: [], ...more }),
      );
    says({ kind: 'features', done: 250, total: 1000, secondsLeft: 7.5 });
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('250 of 1,000');
    expect(section('state')).toMatch(/value="25.0".*|7.5 s/s);
    const batch = { epoch: 2, epochs: 4, batch: 3, batches: 10, loss: null, accuracy: 0.5 };
    const speed = { imagesPerSecond: 123, done: 13, total: 40, secondsLeft: 90 };
    says(
      { kind: 'training', ...batch, ...speed },
      { fold: { fold: 2, folds: 5 }, warnings: ['<b>mind</b>'] },
    );
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('Fold 2 of 5: epoch 2 of 4');
    expect(section('state')).toContain('&#60;b&#62;mind');
    // Half a file, which a power cut may leave, takes nothing else away.
    writeFileSync(join(directory, 'progress.json'), '{"activity":');
    await expect.poll(() => section('state'), { timeout: 5000 }).not.toContain('Fold 2 of 5');
    expect(section('state')).toContain('running');
    says({ kind: 'finishing' });
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('the results are being written');
    lock?.release();
  });

  test('of a training that has no directory yet shows what it does', async () => {
    const watched = { directory: null as string | null, tracker: new RunTracker() };
    const { section } = await followed(`${await serving(watched)}events`);
    watched.tracker.hear({ type: 'decoding', done: 30, total: 120, seconds: 1 });
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('decoding images: 30 of 120');
    const directory = temporaryDirectory();
    writeRun(directory);
    watched.directory = directory;
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('finished');
  });

  test('of a damaged run says what is wrong, and goes on when it is mended', async () => {
    const directory = temporaryDirectory();
    writeRun(directory);
    const { section } = await followed(`${await serving({ directory })}events`);
    await expect.poll(() => section('state')).toContain('finished');
    writeFileSync(join(directory, 'results.json'), '{"formatVersion":1}');
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('not a valid file of a run');
    writeRun(directory);
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('finished');
  });
});

describe('a directory of runs', () => {
  test('lists all of them, also those below, and links to their pages', async () => {
    const directory = temporaryDirectory();
    writeRun(join(directory, 'all', 'seed-0', 'base'), { setup: { experiment: 'base' } });
    writeRun(join(directory, 'own run & more'), { setup: { experiment: 'train' } });
    writeRun(join(directory, 'own run & more', 'folds', '1'), { setup: { experiment: 'train' } });
    mkdirSync(join(directory, 'empty'));
    mkdirSync(join(directory, 'broken'));
    writeFileSync(join(directory, 'broken', 'config.json'), '{');
    expect(await findRuns(directory)).toEqual([
      'all/seed-0/base',
      'broken',
      'own run & more',
      'own run & more/folds/1',
    ]);
    const url = await serving({ directory });
    const page = await (await fetch(url)).text();
    expect(page).toContain('href="?run=own%20run%20%26%20more"');
    expect(page).toContain('href="?run=all%2Fseed-0%2Fbase"');
    expect(page).toContain('cannot be read');
    expect(page).not.toContain('href="?run=own%20run%20%26%20more%2Ffolds');
    const inner = await (await fetch(`${url}?run=own%20run%20%26%20more`)).text();
    expect(inner).toContain('href="?run=own%20run%20%26%20more%2Ffolds%2F1"');
  });

  test('draws no curves of cross-validated runs, and lists their accuracy over all images', async () => {
    const directory = temporaryDirectory();
    writeRun(join(directory, 'a'), crossValidated(0, 0.6, 1.1));
    writeRun(join(directory, 'b'), crossValidated(1, 0.7, 1.3));
    const page = await (await fetch(await serving({ directory }))).text();
    expect(page).toContain('60.00 % (53.1 to 66.5)');
    expect(page).toContain('No epoch was validated');
    expect(page).not.toContain('role="img"');
  });

  test('shows the first run when it begins', async () => {
    const directory = join(temporaryDirectory(), 'runs');
    const { section } = await followed(`${await serving({ directory })}events`);
    await expect.poll(() => section('state')).toContain('There is no run yet');
    writeRun(join(directory, 'first'));
    await expect.poll(() => section('state'), { timeout: 5000 }).toContain('href="?run=first"');
  });
});

describe('requests', () => {
  test.for([
    '?run=..',
    '?run=../other',
    '?run=%2Fetc',
    '?run=folds%2F..%2F..',
    'events?run=..%2Fother',
    '../../etc/passwd',
    'config.json',
    'best.safetensors',
  ])('%s finds nothing outside the directory', async (path) => {
    const root = temporaryDirectory();
    writeRun(join(root, 'runs', 'one'));
    writeRun(join(root, 'other'));
    const response = await fetch(`${await serving({ directory: join(root, 'runs') })}${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });

  test('of a page elsewhere, whose name points here, are refused', async () => {
    const directory = temporaryDirectory();
    writeRun(directory);
    const url = new URL(await serving({ directory }));
    const statuses = [
      'evil.example',
      `evil.example:${url.port}`,
      `localhost:${url.port}`,
      `[::1]:${url.port}`,
    ].map(
      (host) =>
        new Promise((resolve) => {
          request({ host: '127.0.0.1', port: url.port, headers: { host } }, (answer) =>
            resolve(answer.resume().statusCode),
          ).end();
        }),
    );
    expect(await Promise.all(statuses)).toEqual([421, 421, 200, 200]);
  });

  test('change nothing in the directory', async () => {
    const directory = temporaryDirectory();
    unfinished(directory, 2);
    const states = () =>
      readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs]);
    const before = states();
    const url = await serving({ directory });
    await followed(`${url}events`);
    await (await fetch(url)).text();
    await setTimeout(1200);
    expect(states()).toEqual(before);
  });
});

test('a run that begins while somebody looks is never refused its directory', async () => {
  const directory = temporaryDirectory();
  const stop = new AbortController();
  const looking = (async () => {
    const { isOpen } = await import('../../lib/experiments/run-directory.ts');
    for (let turn = 0; !stop.signal.aborted; turn++) {
      isOpen(directory);
      if (turn % 50 === 0) await setTimeout(0);
    }
  })();
  for (let turn = 0; turn < 20; turn++) {
    const opened = await RunDirectory.reopen(directory, SETUP, { pieces: [] });
    await opened.close();
  }
  stop.abort();
  await looking;
});
