import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { bands, encode, RED } from '../support/images.ts';
import { hasOnnxRuntime } from '../support/onnx-runtime.ts';
import { savedModel } from '../support/saved-model.ts';
import { type Ended, nodeProcess, torchTl } from './torch-tl.ts';

interface Service {
  url: string;
  /** Sends SIGTERM. */
  stop(): void;
  ended: Promise<Ended>;
}

/** Starts examples/NAME with a model, on a port of its own, for the running test. */
async function started(name: string, model: string): Promise<Service> {
  let pid = 0;
  let listening: (url: string) => void;
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const ended = nodeProcess([join('examples', name), model], {
    cwd: packageRoot,
    env: { PORT: '0', NODE_NO_WARNINGS: '1' },
    onStart: (number) => {
      pid = number;
    },
    onOutput: (stdout) => {
      const [found] = /http:\S+/.exec(stdout) ?? [];
      if (found) listening(found);
    },
  });
  let isRunning = true;
  const stop = () => isRunning && process.kill(pid, 'SIGTERM');
  ended.finally(() => {
    isRunning = false;
  });
  onTestFinished(async () => {
    stop();
    await ended;
  });
  const failed = ended.then(({ stderr }) => {
    throw new Error(stderr);
  });
  failed.catch(() => {});
  return { url: await Promise.race([url, failed]), stop, ended };
}

async function post(url: string, body: Uint8Array<ArrayBuffer>) {
  const response = await fetch(url, { method: 'POST', body });
  const answer = (await response.json()) as { label: string; probability: number };
  return { status: response.status, body: answer };
}

/** Sends an image but for its last byte, which `finish` sends to be answered with a status. */
function upload(url: string, body: Uint8Array) {
  const sent = request(url, { method: 'POST', agent: false, headers: { 'content-length': body.length } });
  const status = new Promise<number | undefined>((resolve, reject) => {
    sent.on('error', reject).on('response', (response) => resolve(response.resume().statusCode));
  });
  sent.write(body.subarray(0, -1));
  return {
    finish: () => {
      sent.end(body.subarray(-1));
      return status;
    },
  };
}

/** Larger than the model's, and no square. */
async function image(): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(
    await encode(bands([RED, [40, 40, 40]], 120, 90))
      .png()
      .toBuffer(),
  );
}

async function onnxModel(model: string): Promise<string> {
  const out = model.replace('.safetensors', '.onnx');
  const args = ['export', '--weights', model, '--out', out, '--no-check'];
  const { code, stderr } = await torchTl(args, { cwd: packageRoot });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return out;
}

describe('examples/http-service.js', () => {
  test('answers images, many at once too, refuses what is none, and ends on SIGTERM', async () => {
    const { url, stop, ended } = await started('http-service.js', await savedModel());
    const likeliest = {
      label: expect.any(String),
      index: expect.any(Number),
      probability: expect.any(Number),
    };
    const answer = {
      label: expect.any(String),
      probability: expect.any(Number),
      top: Array(3).fill(likeliest),
    };
    const answers = await Promise.all(Array.from({ length: 8 }, async () => post(url, await image())));
    for (const { status, body } of answers) expect({ status, body }).toEqual({ status: 200, body: answer });

    expect(await post(url, Uint8Array.of(1, 2, 3))).toMatchObject({ status: 400 });
    expect(await post(url, new Uint8Array(0))).toMatchObject({ status: 411 });
    expect(await post(url, new Uint8Array(10 * 1024 * 1024 + 1))).toMatchObject({ status: 413 });
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405);
    expect(await (await fetch(url)).json()).toEqual({ status: 'up', waiting: 0 });

    stop();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('refuses an image while 32 wait, and answers those before it ends', async () => {
    const { url, stop, ended } = await started('http-service.js', await savedModel());
    const body = await image();
    const uploads = Array.from({ length: 32 }, () => upload(url, body));
    await expect.poll(async () => (await fetch(url)).json()).toEqual({ status: 'up', waiting: 32 });
    expect(await post(url, body)).toMatchObject({ status: 503 });

    stop();
    const statuses = await Promise.all(uploads.map(({ finish }) => finish()));
    expect(statuses).toEqual(Array(32).fill(200));
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe.skipIf(!hasOnnxRuntime())('examples/http-service-onnx.js', () => {
  test('answers as the model itself does', async () => {
    const model = await savedModel();
    const own = await started('http-service.js', model);
    const onnx = await started('http-service-onnx.js', await onnxModel(model));
    const body = await image();
    const [expected, actual] = await Promise.all([post(own.url, body), post(onnx.url, body)]);
    expect(actual.status).toBe(200);
    expect(actual.body.label).toBe(expected.body.label);
    expect(actual.body.probability).toBeCloseTo(expected.body.probability, 2);
    expect(await post(onnx.url, Uint8Array.of(1, 2, 3))).toMatchObject({ status: 400 });
    onnx.stop();
    expect(await onnx.ended).toMatchObject({ code: 0 });
  });
});
