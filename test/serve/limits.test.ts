import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { deflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GREEN, RED } from '../support/images.ts';
import { formOf, picture, post, startedService } from '../support/service.ts';

/*
 * What clients send that is too much, too slow or no request at all.
 */

/** A PNG of these claimed sizes that holds few bytes. */
function claimedPng(width: number, height: number): Uint8Array<ArrayBuffer> {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = deflateSync(Buffer.alloc(1 << 20));
  const parts = [signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))];
  return Uint8Array.from(Buffer.concat(parts));
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Sends text over a connection of its own, which is closed when the test ends. */
function sent(url: string, text: string | Uint8Array): { socket: Socket; answer: Promise<string> } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  const answer = new Promise<string>((resolve) => {
    let all = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      all += part;
    });
    socket.on('error', () => {}).on('close', () => resolve(all));
  });
  socket.write(text);
  return { socket, answer };
}

const head = (url: string, fields: string[]) =>
  [`POST /predict HTTP/1.1`, `Host: ${new URL(url).host}`, 'Connection: close', ...fields, '', ''].join(
    '\r\n',
  );

describe('the queue', () => {
  test('refuses an image while as many wait as may, says when to try again, and answers those', async () => {
    const { url } = await startedService({ maxQueue: 4, maxBatchSize: 5, maxBatchDelay: 2000 });
    const bytes = await picture([RED]);
    const waiting = Array.from({ length: 4 }, () => post(`${url}predict`, bytes));
    await expect.poll(async () => (await fetch(`${url}health`)).json()).toEqual({ status: 'up', waiting: 4 });
    const refused = await post(`${url}predict`, bytes);
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'SERVER_BUSY' } } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await post(`${url}predict`, formOf({ a: bytes }))).status).toBe(503);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await post(`${url}predict`, formOf({ a: bytes, b: bytes, c: bytes, d: bytes }))).status).toBe(
      200,
    );
  });

  test('is left by an image whose client is gone', async () => {
    const { url, errors } = await startedService({ maxBatchSize: 5, maxBatchDelay: 60_000 });
    const bytes = await picture([RED]);
    const clients = Array.from({ length: 3 }, () =>
      request(`${url}predict`, { method: 'POST', agent: false })
        .on('error', () => {})
        .end(bytes),
    );
    const health = async () => (await fetch(`${url}health`)).json();
    await expect.poll(health).toEqual({ status: 'up', waiting: 3 });
    for (const client of clients) client.destroy();
    await expect.poll(health).toEqual({ status: 'up', waiting: 0 });
    expect(errors).toEqual([]);
  });
});

describe('a body', () => {
  const tooLarge = { status: 413, body: { error: { code: 'REQUEST_TOO_LARGE' } } };

  test('of 100 MB is refused, as bytes and as a form, with its length and without', async () => {
    const { url, errors } = await startedService();
    const bytes = new Uint8Array(100_000_000);
    expect(await post(`${url}predict`, bytes)).toMatchObject(tooLarge);
    expect(await post(`${url}predict`, formOf({ a: bytes }))).toMatchObject(tooLarge);
    const { socket, answer } = sent(url, head(url, ['Transfer-Encoding: chunked']));
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1 << 20), Buffer.from('\r\n')]);
    for (let count = 0; count < 20; count++) socket.write(chunk);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
    expect((await post(`${url}predict`, await picture([RED]))).status).toBe(200);
    expect(errors).toEqual([]);
  });

  test('may be as large as --max-body-size, and no larger', async () => {
    const bytes = await picture([RED]);
    const { url } = await startedService({ maxBodySize: bytes.length });
    expect((await post(`${url}predict`, bytes)).status).toBe(200);
    expect(await post(`${url}predict`, Uint8Array.of(...bytes, 0))).toMatchObject(tooLarge);
    expect(await post(`${url}predict`, formOf({ a: bytes }))).toMatchObject(tooLarge);
  });

  test('with more files than a form may have is refused', async () => {
    const { url, errors } = await startedService({ maxImages: 3 });
    const bytes = await picture([RED]);
    const form = (count: number) =>
      formOf(Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.png`, bytes])));
    expect((await post(`${url}predict`, form(3))).body.predictions).toHaveLength(3);
    expect(await post(`${url}predict`, form(4))).toMatchObject(tooLarge);
    expect(await post(`${url}predict`, form(40))).toMatchObject(tooLarge);
    expect(errors).toEqual([]);
  });

  test('of a few bytes that claims 30,000 x 30,000 pixels is refused before it is decoded', async () => {
    const { url, errors } = await startedService();
    const bomb = claimedPng(30_000, 30_000);
    expect(bomb.length).toBeLessThan(10_000);
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 20; count++) {
      const answered = await post(`${url}predict`, bomb);
      expect(answered).toMatchObject(tooLarge);
      expect(answered.body.error.message).toContain('30000 x 30000');
    }
    const form = formOf({ 'bomb.png': bomb, 'red.png': await picture([RED]) });
    expect((await post(`${url}predict`, form)).body.predictions).toMatchObject([
      { name: 'bomb.png', error: { code: 'REQUEST_TOO_LARGE' } },
      { name: 'red.png', label: expect.any(String) },
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
    expect(errors).toEqual([]);
  });

  test('that claims more pixels than it has is no image', async () => {
    const { url } = await startedService();
    const answered = await post(`${url}predict`, claimedPng(2000, 2000));
    expect(answered).toMatchObject({ status: 400, body: { error: { code: 'DATA_INVALID' } } });
  });
});

describe('a request', () => {
  test('that is cut in the middle is forgotten', async () => {
    const { url, errors } = await startedService();
    const form = '--x\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\nabc';
    for (const [fields, body] of [
      [['Content-Length: 1000'], 'abc'],
      [['Content-Length: 1000', 'Content-Type: multipart/form-data; boundary=x'], form],
      [['Transfer-Encoding: chunked', 'Content-Type: multipart/form-data; boundary=x'], `10\r\n${form}`],
    ] as const) {
      const { socket, answer } = sent(url, head(url, [...fields]) + body);
      setTimeout(() => socket.destroy(), 50);
      await answer;
    }
    expect((await post(`${url}predict`, await picture([RED]))).status).toBe(200);
    expect(errors).toEqual([]);
  });

  test.for([
    ['Content-Type: multipart/form-data', 'abc'],
    ['Content-Type: multipart/form-data; boundary=x', 'abc'],
    [
      'Content-Type: multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nabc',
    ],
    ['Content-Type: multipart/form-data; boundary=x', '--x\r\n\r\n\r\n--x--\r\n'],
    [
      'Content-Type: multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="__proto__"; filename="a"\r\n\r\nabc\r\n--x--\r\n',
    ],
    ['Content-Type: multipart/mixed; boundary=x', '--x\r\n\r\nabc\r\n--x--\r\n'],
    ['Content-Type: ;;;', 'abc'],
  ])('with a malformed form is refused: %s, %j', async ([type, body]) => {
    const { url, errors } = await startedService();
    const { answer } = sent(url, head(url, [type as string, `Content-Length: ${body?.length}`]) + body);
    expect(await answer).toMatch(/^HTTP\/1\.1 4(00|15) [\s\S]*"error":\{"code":"(REQUEST|DATA)_INVALID"/);
    expect(errors).toEqual([]);
  });

  test('that is no HTTP is refused', async () => {
    const { url } = await startedService();
    expect(await sent(url, '\u0016\u0003\u0001 hello\r\n\r\n').answer).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*REQUEST_INVALID/,
    );
    const large = `GET / HTTP/1.1\r\nHost: ${new URL(url).host}\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await sent(url, large).answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('is answered while 64 others stall in the middle of their picture', async () => {
    const { url, service } = await startedService();
    const bytes = await picture([RED, GREEN]);
    const half = Buffer.concat([
      Buffer.from(head(url, [`Content-Length: ${bytes.length}`])),
      bytes.subarray(0, bytes.length / 2),
    ]);
    const stalled = Array.from({ length: 64 }, () => sent(url, half));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await (await fetch(`${url}health`)).json()).toEqual({ status: 'up', waiting: 0 });
    const start = performance.now();
    expect((await post(`${url}predict`, bytes)).status).toBe(200);
    expect(performance.now() - start).toBeLessThan(5000);
    for (const { socket } of stalled.slice(1)) socket.destroy();
    // The last one is finished while the service ends, and still answered.
    const [last] = stalled;
    const closed = service.close();
    last?.socket.write(bytes.subarray(bytes.length / 2));
    expect(await last?.answer).toMatch(/^HTTP\/1\.1 200 /);
    await closed;
  });

  test('that stalls is cut when the service ends, after a grace of seconds', async () => {
    const { url, service } = await startedService();
    const { answer } = sent(url, `${head(url, ['Content-Length: 100'])}abc`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const start = performance.now();
    await service.close();
    expect(performance.now() - start).toBeGreaterThan(4000);
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(await answer).not.toContain('200 OK');
  });
});
