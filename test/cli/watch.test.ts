import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

const SMALL = ['run', 'finetune', '--image-size', '32', '--limit-train', '60', '--limit-valid', '20'];

/** The page at the first URL of an output. */
async function pageAt(output: string, path = ''): Promise<string> {
  const [url] = /http:\S+/.exec(output) ?? [];
  return (await fetch(`${url}${path}`)).text();
}

test('watch prints its URL, shows the runs, and ends on Ctrl-C with 0', async () => {
  const cwd = temporaryDirectory();
  writeRun(join(cwd, 'runs', 'one'));
  let page: Promise<string> | undefined;
  const ended = await torchTlProcess(['watch', '--port', '0'], {
    cwd,
    onOutput: async (stdout, kill) => {
      if (page || !stdout.includes('Ctrl-C')) return;
      page = pageAt(stdout);
      await page.finally(() => kill('SIGINT'));
    },
  });
  expect(await page).toContain('href="?run=one"');
  expect(ended).toMatchObject({ code: 0, stderr: 'Stopped watching.\n' });
});

test('watch refuses a directory that is not there, and names the one that was meant', async () => {
  const cwd = temporaryDirectory();
  writeRun(join(cwd, 'flowers'));
  const { code, stderr } = await torchTl(['watch', 'flower'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain(join(cwd, 'flower'));
  expect(stderr).toContain('flowers');
});

test('watch refuses a file', async () => {
  const cwd = temporaryDirectory();
  writeRun(join(cwd, 'run'));
  for (const file of ['run/config.json', 'run/config.json/run']) {
    const { code, stderr } = await torchTl(['watch', file], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringContaining(join(cwd, file))]);
  }
});

test('watch says of a directory without runs that it waits for one, and so does its page', async () => {
  let page: Promise<string> | undefined;
  const cwd = temporaryDirectory();
  const { stdout } = await torchTlProcess(['watch', '.', '--port', '0'], {
    cwd,
    onOutput: async (output, kill) => {
      if (page || !output.includes('Ctrl-C')) return;
      page = pageAt(output);
      await page.finally(() => kill('SIGINT'));
    },
  });
  expect(stdout).toContain(`There is no run in ${cwd} yet; the page shows the first one when it begins.`);
  expect(await page).toContain('There is no run yet. This page shows the first one when it begins.');
});

test('watch refuses a port that is taken', async () => {
  const cwd = temporaryDirectory();
  writeRun(join(cwd, 'runs', 'one'));
  const port = String(await freePort());
  const outputs: string[] = [];
  await torchTlProcess(['watch', '--port', port], {
    cwd,
    onOutput: async (stdout, kill) => {
      if (outputs.length > 0 || !stdout.includes('Ctrl-C')) return;
      outputs.push(stdout);
      const refused = await torchTlProcess(['watch', '--port', port], { cwd });
      outputs.push(refused.stderr, String(refused.code));
      kill('SIGTERM');
    },
  });
  expect(outputs[1]).toContain(`Cannot listen on port ${port} of 127.0.0.1: another program listens there`);
  expect(outputs[2]).toBe('2');
});

test('run --watch prints the URL beside the progress, follows the run, and leaves stdout to --json', async () => {
  const cwd = temporaryDirectory();
  const pages: Array<Promise<string>> = [];
  const args = [...SMALL, '--epochs', '300', '--early-stopping-patience', 'off', '--watch', '0'];
  const { code, stdout } = await torchTlProcess([...args, '--out', 'run'], {
    cwd,
    onOutput: (output) => {
      if (pages.length === 0 && output.includes('Watch: http')) pages.push(pageAt(output));
      if (pages.length === 1 && output.includes('epoch  20/300')) pages.push(pageAt(output));
    },
  });
  expect(code).toBe(0);
  expect(stdout.match(/Watch: http:\/\/127\.0\.0\.1:\d+\//)).not.toBeNull();
  const [first, later] = await Promise.all(pages);
  expect(first).toContain('data-section="state"');
  expect(later).toContain('running');
  const json = await torchTlProcess([...SMALL, '--epochs', '1', '--watch', '0', '--json', '--out', 'json'], {
    cwd,
  });
  expect(JSON.parse(json.stdout)).toMatchObject({ stoppedBecause: 'epochs' });
  expect(json.stderr).toContain('Watch: http');
});

test.for(['ten', '70000', '-1'])('run --watch %s is refused before anything is read', async (port) => {
  const cwd = temporaryDirectory();
  const { code, stderr } = await torchTl([...SMALL, `--watch=${port}`, '--out', 'run'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('--watch takes a port from 0 to 65535');
});
