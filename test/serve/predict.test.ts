import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { servePredictions } from '../../lib/serve/service.ts';
import { packageVersion } from '../../lib/support/version.ts';
import { BLUE, GREEN, RED } from '../support/images.ts';
import { figure, formOf, picture, post, startedService } from '../support/service.ts';
import { smallModel } from '../support/small-data.ts';

describe('POST /predict', () => {
  test("answers an image's bytes as the model predicts them, to the bit", async () => {
    const { model, url } = await startedService();
    const bytes = await picture([RED, BLUE]);
    const [expected] = await model.predict(bytes, { topK: 3 });
    for (const type of [
      'image/png',
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'image',
      'image/png, image/jpeg',
      'multipart/form-data-or-not',
      '',
      null,
    ]) {
      const headers: Record<string, string> = type === null ? {} : { 'content-type': type };
      const { status, body } = await post(`${url}predict?top=3`, bytes, headers);
      expect({ status, body }, `${type}`).toEqual({
        status: 200,
        body: {
          label: expected?.label,
          index: expected?.index,
          probability: expected?.probability,
          top: expected?.top,
          width: 60,
          height: 40,
          seen: { left: 8 / 0.8, top: 0, width: 32 / 0.8, height: 40 },
        },
      });
    }
  });

  test('gives five classes unless asked for more, and no more than there are', async () => {
    const { url } = await startedService();
    const bytes = await picture([RED]);
    expect((await post(`${url}predict`, bytes)).body.top).toHaveLength(5);
    expect((await post(`${url}predict?top=1`, bytes)).body.top).toHaveLength(1);
    expect((await post(`${url}predict?top=1000`, bytes)).body.top).toHaveLength(10);
  });

  test('gives the map of Grad-CAM for the likeliest class', async () => {
    const { model, url } = await startedService();
    const bytes = await picture([RED, GREEN]);
    const [expected] = await model.gradCam(bytes);
    const { body } = await post(`${url}predict?heat=1`, bytes);
    expect(body.heat).toMatchObject({ label: body.label, width: expected?.width, height: expected?.height });
    expect(body.heat?.label).toBe(expected?.label);
    for (const [index, value] of expected?.map.entries() ?? [])
      expect(body.heat?.map[index]).toBeCloseTo(value, 4);
    expect((await post(`${url}predict?heat=0`, bytes)).body.heat).toBeUndefined();
  });

  test('answers the files of a form, each by its name or with its error', async () => {
    const { model, url, errors } = await startedService();
    const files = {
      'red.png': await picture([RED]),
      'notes.txt': new TextEncoder().encode('no image'),
      'cut.png': (await picture([RED, BLUE, GREEN])).subarray(0, 90),
      '../../etc/passwd': await picture([BLUE]),
      '..\\..\\boot.ini': await picture([GREEN]),
      '<img src=x onerror=alert(1)>.png': await picture([GREEN]),
    };
    const { status, body } = await post(`${url}predict?top=1`, formOf(files));
    expect(status).toBe(200);
    const [red] = await model.predict(files['red.png'], { topK: 1 });
    expect(body.predictions[0]).toEqual({
      name: 'red.png',
      label: red?.label,
      index: red?.index,
      probability: red?.probability,
      top: red?.top,
      width: 60,
      height: 40,
      seen: expect.anything(),
    });
    expect(body.predictions.map(({ name }) => name)).toEqual([
      'red.png',
      'notes.txt',
      'cut.png',
      'passwd',
      'boot.ini',
      '<img src=x onerror=alert(1)>.png',
    ]);
    expect(body.predictions[1]).toEqual({
      name: 'notes.txt',
      error: {
        code: 'DATA_INVALID',
        message: 'The image cannot be read: it is not an image in a supported format.',
      },
    });
    expect(body.predictions[2]).toMatchObject({ error: { code: 'DATA_INVALID' } });
    expect(errors).toEqual([]);
  });

  test.for([
    ['cover', { left: 80, top: 0, width: 160, height: 160 }],
    ['contain', { left: 0, top: -80, width: 320, height: 320 }],
    ['stretch', { left: 0, top: 0, width: 320, height: 160 }],
  ] as const)('tells which part of the upright picture the model saw with %s', async ([resize, seen]) => {
    const model = await smallModel({ resize });
    const service = await servePredictions(model);
    const url = await service.listen({ port: 0 });
    const upright = await picture([RED, BLUE], { width: 320, height: 160 });
    const turned = Uint8Array.from(
      await sharp(upright).rotate(270).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    );
    for (const bytes of [upright, turned]) {
      const { body } = await post(`${url}predict`, bytes);
      expect(body).toMatchObject({ width: 320, height: 160, seen });
    }
    await service.close();
  });

  test('answers an image of 10,000 x 1 pixels', async () => {
    const { url } = await startedService();
    const { status, body } = await post(`${url}predict`, await picture([RED], { width: 10_000, height: 1 }));
    expect(status).toBe(200);
    expect(body).toMatchObject({ width: 10_000, height: 1, seen: { width: 1, height: 1 } });
  });

  test('refuses what is no image, and options that there are not', async () => {
    const { url, errors } = await startedService();
    const bytes = await picture([RED]);
    const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    for (const [path, body, code, message] of [
      ['predict', new Uint8Array(), 'DATA_INVALID', /^The image cannot be read: it is empty\.$/],
      ['predict', Uint8Array.of(1, 2, 3), 'DATA_INVALID', /not an image in a supported format/],
      ['predict', svg, 'DATA_INVALID', /svg, is not supported/],
      ['predict?top=0', bytes, 'INVALID_ARGUMENT', /^top must be/],
      ['predict?heat=yes', bytes, 'INVALID_ARGUMENT', /^heat must be/],
      ['predict?tops=3', bytes, 'INVALID_ARGUMENT', /'top'/],
      ['predict', new FormData(), 'REQUEST_INVALID', /holds no file/],
    ] as const) {
      const answered = await post(`${url}${path}`, body);
      expect(answered).toMatchObject({ status: 400, body: { error: { code } } });
      expect(answered.body.error.message).toMatch(message);
    }
    expect(errors).toEqual([]);
  });
});

test('GET /model describes the model without saying where it lies', async () => {
  const { model, url } = await startedService({ precision: 'fp32', maxImages: 100, maxQueue: 10 });
  expect(await (await fetch(`${url}model`)).json()).toEqual({
    classes: model.classes,
    imageSize: 32,
    resize: 'cover',
    weights: { name: 'model.safetensors', sha256: model.weights?.sha256 },
    device: model.device,
    precision: 'fp32',
    version: packageVersion(),
    limits: { maxBodySize: 16 * 2 ** 20, maxImages: 10, maxPixels: 50_000_000 },
  });
});

test('GET /health answers, and GET /metrics counts', async () => {
  const { url } = await startedService();
  expect(await (await fetch(`${url}health`)).json()).toEqual({ status: 'up', waiting: 0 });
  await post(`${url}predict?heat=1`, await picture([RED]));
  await post(`${url}predict`, new Uint8Array());
  const response = await fetch(`${url}metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain('process_resident_memory_bytes');
  expect(await figure(url, 'torch_tl_requests_total{route="/predict",status="200"}')).toBe(1);
  expect(await figure(url, 'torch_tl_requests_total{route="/predict",status="400"}')).toBe(1);
  expect(await figure(url, 'torch_tl_images_total{outcome="classified"}')).toBe(1);
  expect(await figure(url, 'torch_tl_images_total{outcome="refused"}')).toBe(1);
  expect(await figure(url, 'torch_tl_batches_total{kind="heat"}')).toBe(1);
  expect(await figure(url, 'torch_tl_batch_size_images_sum{kind="prediction"}')).toBe(1);
  expect(await figure(url, 'torch_tl_waiting_images')).toBe(0);
});

test('unknown paths and wrong methods are refused', async () => {
  const { url } = await startedService();
  expect((await fetch(`${url}nothing`)).status).toBe(404);
  expect((await fetch(`${url}..%2f..%2fetc/passwd`)).status).toBe(404);
  const wrong = await fetch(`${url}predict`, { method: 'DELETE' });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
});

test('the model and the options are checked', async () => {
  await expect(servePredictions({} as DenseNet121)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const model = await smallModel();
  for (const options of [{ maxQueue: 0 }, { token: '' }, { cors: 'example.org' }, { cors: 'https://a.b/c' }])
    await expect(servePredictions(model, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const service = await servePredictions(model);
  await expect(service.listen({ port: 65_536 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await service.close();
});
