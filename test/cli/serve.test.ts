import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RED } from '../support/images.ts';
import { savedModel } from '../support/saved-model.ts';
import { picture, post } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Ended, torchTl, torchTlProcess } from './torch-tl.ts';

interface Running {
  url: string;
  pid: number;
  ended: Promise<Ended>;
}

/** Starts `torch-tl serve` in a process of its own, on a free port, for the running test. */
async function started(args: string[] = [], env: Record<string, string> = {}): Promise<Running> {
  let pid = 0;
  let isRunning = true;
  let listening: (url: string) => void;
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const ended = torchTlProcess(['serve', '--weights', await savedModel(), '--port', '0', ...args], {
    cwd: temporaryDirectory(),
    env: { NODE_NO_WARNINGS: '1', ...env },
    onStart: (number) => {
      pid = number;
    },
    onOutput: (stdout) => {
      const [found] = /http:\S+/.exec(stdout) ?? [];
      if (found) listening(found);
    },
  });
  ended.finally(() => {
    isRunning = false;
  });
  onTestFinished(async () => {
    if (isRunning) process.kill(pid, 'SIGKILL');
    await ended;
  });
  const failed = ended.then(({ stderr }) => {
    throw new Error(stderr);
  });
  failed.catch(() => {});
  return { url: await Promise.race([url, failed]), pid, ended };
}

describe('torch-tl serve', () => {
  test.for(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'answers what is in hand after %s, also uploads that still come, and exits 0',
    async (signal) => {
      const { url, pid, ended } = await started(['--max-batch-delay', '1500', '--threads', '1']);
      const bytes = await picture([RED]);
      const { hostname, port, host } = new URL(url);
      const answers = Array.from({ length: 6 }, () => post(`${url}predict`, bytes));
      const upload = connect(Number(port), hostname);
      const uploaded = new Promise<string>((resolve) => {
        let text = '';
        upload.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        upload.on('error', () => {}).on('close', () => resolve(text));
      });
      upload.write(`POST /predict HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      upload.write(bytes.subarray(0, 20));
      await expect
        .poll(async () => (await fetch(`${url}health`)).json())
        .toEqual({ status: 'up', waiting: 6 });
      process.kill(pid, signal);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await expect(fetch(`${url}health`)).rejects.toThrow();
      upload.write(bytes.subarray(20));
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(6).fill(200));
      expect(await uploaded).toMatch(/^HTTP\/1\.1 200 [\s\S]*"label":/);
      const { code, stderr } = await ended;
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^Answering the requests in hand/),
      });
    },
  );

  test('ends at once on a second signal', async () => {
    const { url, pid, ended } = await started(['--max-batch-delay', '60000']);
    const answer = post(`${url}predict`, await picture([RED])).catch(() => null);
    await expect.poll(async () => (await fetch(`${url}health`)).json()).toEqual({ status: 'up', waiting: 1 });
    process.kill(pid, 'SIGTERM');
    // Signals within half a second count as one.
    await new Promise((resolve) => setTimeout(resolve, 800));
    process.kill(pid, 'SIGTERM');
    expect(await ended).toMatchObject({ code: null, stderr: expect.stringMatching(/Stopped at once\.\n$/) });
    expect(await answer).toBeNull();
  });

  test('reads the token from a file, and does not print it', async () => {
    const file = join(temporaryDirectory(), 'token.txt');
    writeFileSync(file, 'open-sesame\n');
    const { url, pid, ended } = await started(['--token', `@${file}`, '--cors', 'https://example.org']);
    expect((await fetch(`${url}model`)).status).toBe(401);
    const response = await fetch(`${url}model`, { headers: { authorization: 'Bearer open-sesame' } });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://example.org',
    ]);
    process.kill(pid, 'SIGTERM');
    const { stdout, stderr } = await ended;
    expect(stdout + stderr).not.toContain('sesame');
  });

  test('warns where others may use the model without a token, and only there', async () => {
    const { url, pid, ended } = await started(['--host', '0.0.0.0']);
    expect((await fetch(url.replace('0.0.0.0', '127.0.0.1'))).status).toBe(200);
    process.kill(pid, 'SIGTERM');
    expect((await ended).stderr).toMatch(
      /^Warning: every machine that reaches 0\.0\.0\.0 may use this model/,
    );
    const guarded = await started(['--host', '0.0.0.0', '--token', 'secret']);
    process.kill(guarded.pid, 'SIGTERM');
    expect((await guarded.ended).stderr).not.toContain('Warning');
  });

  test('says that a port is taken, and what is wrong with an option', async () => {
    const { url } = await started();
    const cwd = temporaryDirectory();
    const weights = await savedModel();
    const refused = async (...args: string[]) => torchTl(['serve', '--weights', weights, ...args], { cwd });
    const taken = await refused('--port', new URL(url).port);
    expect(taken).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Cannot listen on port \d+ .*another program/),
    });
    writeFileSync(join(cwd, 'token.txt'), 'two secrets');
    for (const [args, message] of [
      [['--port', '70000'], /--port must be an integer from 0 to 65535/],
      [['--token', '@nowhere.txt'], /nowhere\.txt/],
      // What is in the file is not shown.
      [
        ['--token', '@token.txt'],
        /^error: token\.txt holds more than a token; --token @FILE needs [\w ]+\.\n$/,
      ],
      [['--token', 'two words'], /--token must be a text of ASCII characters/],
      [['--cors', 'example.org'], /--cors must be \* or an origin/],
      [['--max-queue', '0'], /--max-queue must be an integer from 1/],
    ] as const) {
      const { code, stderr } = await refused(...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
    }
  });
});
