import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { servePredictions } from '../../lib/serve/service.ts';
import { RED } from '../support/images.ts';
import { picture, post, startedService } from '../support/service.ts';
import { smallModel } from '../support/small-data.ts';

/** The status of a request that names another host. */
function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}health`, { headers: { host } });
    sent.on('error', reject).on('response', (response) => resolve(response.resume().statusCode));
    sent.end();
  });
}

/** The status of a picture that a browser says was sent by a page of this relation, and of this origin. */
function postFrom(
  url: string,
  site: string,
  bytes: Uint8Array,
  origin: string | null = 'https://evil.example',
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'sec-fetch-site': site, ...(origin === null ? {} : { origin }) };
    const sent = request(`${url}predict`, { method: 'POST', headers });
    sent.on('error', reject).on('response', (response) => resolve(response.resume().statusCode));
    sent.end(bytes);
  });
}

describe('a token', () => {
  test('is asked for, but not by the page and the health check', async () => {
    const { url } = await startedService({ token: 'open-sesame' });
    const bytes = await picture([RED]);
    for (const path of ['', 'style.css', 'serve.js', 'health'])
      expect((await fetch(`${url}${path}`)).status, path).toBe(200);
    for (const path of ['model', 'metrics']) {
      const response = await fetch(`${url}${path}`);
      expect(response.status, path).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="torch-tl"');
    }
    for (const authorization of [
      undefined,
      'Bearer open',
      'Bearer open-sesame!',
      'Basic open-sesame',
      'open-sesame',
    ]) {
      const answered = await post(`${url}predict`, bytes, authorization ? { authorization } : {});
      expect(answered).toMatchObject({ status: 401, body: { error: { code: 'UNAUTHORIZED' } } });
    }
    const authorization = 'Bearer open-sesame';
    expect((await post(`${url}predict`, bytes, { authorization })).status).toBe(200);
    expect((await fetch(`${url}model`, { headers: { authorization } })).status).toBe(200);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://example.org';

  test('may not read answers', async () => {
    const { url } = await startedService();
    const response = await fetch(`${url}model`, { headers: { origin } });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await fetch(`${url}predict`, { method: 'OPTIONS', headers: { origin } });
    expect(preflight.status).toBe(405);
  });

  test('may if they are allowed, with a token too', async () => {
    const { url } = await startedService({ cors: origin, token: 'secret' });
    const preflight = await fetch(`${url}predict`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const refused = await post(`${url}predict`, await picture([RED]), { origin });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
  });

  test('may not make it classify pictures whose answers they cannot read', async () => {
    const { url } = await startedService();
    const bytes = await picture([RED]);
    for (const from of ['https://evil.example', 'null', null]) {
      expect(await postFrom(url, 'cross-site', bytes, from)).toBe(403);
      expect(await postFrom(url, 'same-site', bytes, from)).toBe(403);
    }
    expect(await postFrom(url, 'same-origin', bytes)).toBe(200);
    const { url: open } = await startedService({ cors: '*' });
    expect(await postFrom(open, 'cross-site', bytes)).toBe(200);
    const { url: toOne } = await startedService({ cors: origin });
    for (const site of ['cross-site', 'same-site']) {
      expect(await postFrom(toOne, site, bytes, origin)).toBe(200);
      expect(await postFrom(toOne, site, bytes)).toBe(403);
      expect(await postFrom(toOne, site, bytes, 'null')).toBe(403);
    }
    expect(await postFrom(toOne, 'same-origin', bytes)).toBe(200);
  });

  test('may not reach a server of the loopback interface under a name of their own', async () => {
    const { url } = await startedService();
    const { port } = new URL(url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, '[::1]'])
      expect(await statusFor(url, host)).toBe(200);
    for (const host of ['example.org', '127.0.0.1.example.org', 'localhost.example.org', '192.168.0.1'])
      expect(await statusFor(url, host)).toBe(421);
  });
});

test('the page is kept to itself', async () => {
  const { url } = await startedService();
  const { headers } = await fetch(url);
  const policy = headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers.get('x-content-type-options')).toBe('nosniff');
});

test('a service is mounted under a path of another server, which goes on after it', async () => {
  const model = await smallModel();
  const service = await servePredictions(model, { maxBodySize: 1e6 });
  const server = createServer((incoming, response) => {
    if (!incoming.url?.startsWith('/flowers/')) return response.end('another page');
    incoming.url = incoming.url.slice('/flowers'.length);
    return service.handler(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await (await fetch(url)).text()).toBe('another page');
  const bytes = await picture([RED]);
  const [expected] = await model.predict(bytes);
  expect((await post(`${url}flowers/predict`, bytes)).body.probability).toBe(expected?.probability);
  const page = await (await fetch(`${url}flowers/`)).text();
  for (const [, address = ''] of page.matchAll(/(?:src|href)="([^"]*)"/g)) {
    if (!address.startsWith('data:'))
      expect((await fetch(new URL(address, `${url}flowers/`))).status, address).toBe(200);
  }
  // Another name: that is the other server's business.
  expect(await statusFor(`${url}flowers/`, 'example.org')).toBe(200);
  await service.close();
  const after = await post(`${url}flowers/predict`, bytes);
  expect(after).toMatchObject({ status: 503, body: { error: { code: 'SERVER_BUSY' } } });
  expect((await fetch(url)).status).toBe(200);
});

test('a model that trains is busy, and one that is gone is an error of the server', async () => {
  const { model, url, errors } = await startedService();
  model.dispose();
  const answered = await post(`${url}predict`, await picture([RED]));
  expect(answered).toMatchObject({ status: 500, body: { error: { code: 'NATIVE_FAILURE' } } });
  expect(JSON.stringify(answered.body)).not.toContain('dispose');
  expect(errors).toMatchObject([{ code: 'DISPOSED' }]);
});
