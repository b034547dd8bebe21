import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DownloadOptions, download } from '../../lib/download/download.ts';
import { TorchTlError } from '../../lib/errors.ts';
import { program } from '../cli/torch-tl.ts';
import { cut, fileServer, proxy, stall, status, whole } from '../support/file-server.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CONTENT = Buffer.alloc(300_000, 'all the bytes of a file ');
const HALF = CONTENT.length / 2;
const EXPECTED = { sha256: createHash('sha256').update(CONTENT).digest('hex') };
const OTHER = Buffer.alloc(CONTENT.length, 'what is no such file ');
const SOON = { ...EXPECTED, retryMilliseconds: 1 };

beforeEach(() => {
  // Those of whoever runs the tests would stand between.
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'])
    vi.stubEnv(name, undefined);
});
afterEach(() => void vi.unstubAllEnvs());

describe('download', () => {
  test('puts the file in place, in a directory that it makes, and reports every piece', async () => {
    const server = await fileServer(whole(CONTENT));
    const path = target('new', 'directory');
    const reports: Array<[number, number | null]> = [];
    await download(server.url, path, {
      ...EXPECTED,
      size: CONTENT.length,
      headers: { 'x-own': 'header' },
      onProgress: (done, total) => reports.push([done, total]),
    });
    expectWhole(path);
    expect(server.requests).toMatchObject([{ 'x-own': 'header' }]);
    expect(reports.at(-1)).toEqual([CONTENT.length, CONTENT.length]);
    expect(reports.map(([done]) => done)).toEqual(reports.map(([done]) => done).sort((a, b) => a - b));
  });

  test('takes the beginning of a hash', async () => {
    const server = await fileServer(whole(CONTENT));
    const path = target();
    await download(server.url, path, { sha256Prefix: EXPECTED.sha256.slice(0, 8) });
    expectWhole(path);
  });

  test('fetches nothing where the file is there, and replaces one of another hash', async () => {
    const server = await fileServer(whole(CONTENT));
    const path = target();
    writeFileSync(path, CONTENT);
    await download(server.url, path, EXPECTED);
    expect(server.requests).toEqual([]);
    writeFileSync(path, OTHER);
    await download(server.url, path, EXPECTED);
    expectWhole(path);
  });

  test.each([
    ['its entity tag', { etag: '"v1"', 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }, '"v1"'],
    [
      'its date where the tag is weak',
      { etag: 'W/"v1"', 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' },
      'Thu, 01 Jan 1970 00:00:00 GMT',
    ],
  ])('goes on after a broken connection if the file is the same by %s', async (_, headers, validator) => {
    const server = await fileServer(stall(CONTENT, HALF, headers), whole(CONTENT, headers));
    const path = target();
    const onProgress = (done: number) => done === HALF && server.breakConnections();
    await download(server.url, path, { ...SOON, onProgress });
    expectWhole(path);
    expect(server.requests).toMatchObject([{}, { range: `bytes=${HALF}-`, 'if-range': validator }]);
  });

  test.each<[string, RequestListener]>([
    ['the file has changed', everything],
    ['the server knows no ranges', cut(OTHER, HALF)],
    ['the server sends another range', anotherRange],
    ['the server has no such range', status(416)],
  ])('starts over where %s', async (_, answer) => {
    const path = target();
    writeFileSync(`${path}.part`, OTHER.subarray(0, HALF));
    const server = await fileServer(answer, everything);
    await download(server.url, path, SOON);
    expectWhole(path);
    expect(server.requests[0]).toMatchObject({ range: `bytes=${HALF}-` });
  });

  test('gives up on a connection that brings nothing, and goes on with another', async () => {
    const server = await fileServer(stall(CONTENT, HALF), stall(CONTENT, 0), whole(CONTENT));
    const path = target();
    await download(server.url, path, { ...SOON, stallMilliseconds: 100 });
    expectWhole(path);
    expect(server.requests).toHaveLength(3);
  });

  test('tries again after 500 and 429, and after 404 only when called again', async () => {
    const server = await fileServer(status(500), status(429), status(404), whole(CONTENT));
    const path = target();
    await expect(download(server.url, path, SOON)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('the server answered 404 Not Found'),
    });
    expect(server.requests).toHaveLength(3);
    expect(readdirSync(join(path, '..'))).toEqual([]);
    await download(server.url, path, SOON);
    expectWhole(path);
  });

  test.each<[string, RequestListener, RegExp]>([
    ['closes at once', (request) => request.socket.destroy(), /other side closed/],
    ['starts over each time', cut(CONTENT, HALF), /other side closed/],
    ['announces more than it has', announcing(CONTENT.length + 1), /other side closed|416/],
    ['is overloaded', status(503), /503 Service Unavailable/],
  ])('gives up on a server that %s', async (_, answer, message) => {
    const server = await fileServer(answer);
    const path = target();
    await expect(download(server.url, path, SOON)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(message),
    });
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['a byte is wrong', corrupted()],
    ['less is announced than comes', announcing(HALF)],
  ])('deletes what came where %s, and names both hashes', async (_, answer) => {
    const server = await fileServer(answer);
    const path = target();
    await expect(download(server.url, path, EXPECTED)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(new RegExp(`has the SHA-256 [0-9a-f]{64}, expected ${EXPECTED.sha256}`)),
    });
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  test('refuses a file of another size before it is sent', async () => {
    const server = await fileServer(whole(CONTENT));
    await expect(download(server.url, target(), { ...EXPECTED, size: 7 })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining(`the server's file has ${CONTENT.length} bytes instead of 7`),
    });
  });

  test('follows redirects', async () => {
    const server = await fileServer(whole(CONTENT));
    const first = await fileServer(status(302, { location: server.url }));
    const path = target();
    await download(first.url, path, EXPECTED);
    expectWhole(path);
  });

  test('sends credentials of the URL, and names none in an error', async () => {
    const server = await fileServer(status(403));
    const url = `${server.url.replace('//', '//ann:pass%20word@')}?signature=secret`;
    const path = target();
    const error = await download(url, path, EXPECTED).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(TorchTlError);
    expect((error as Error).message).toBe(
      `Cannot download ${server.url}: the server answered 403 Forbidden. Try again, set HTTPS_PROXY=URL if you ` +
        `need a proxy, or put the file at ${path} yourself.`,
    );
    expect(server.requests[0]?.authorization).toBe(
      `Basic ${Buffer.from('ann:pass word').toString('base64')}`,
    );
  });

  test('says why a host cannot be reached', async () => {
    await expect(download('http://127.0.0.1:2/file', target(), EXPECTED)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('ECONNREFUSED 127.0.0.1:2'),
    });
  });

  test('goes through the proxy of HTTP_PROXY, unless NO_PROXY names the host', async () => {
    const server = await fileServer(whole(CONTENT));
    const through = await proxy();
    vi.stubEnv('HTTP_PROXY', through.url);
    const path = target();
    await download(server.url, path, EXPECTED);
    expectWhole(path);
    expect(through.targets).toEqual([new URL(server.url).host]);

    vi.stubEnv('NO_PROXY', '127.0.0.1');
    await download(server.url, target(), EXPECTED);
    expect(through.targets).toHaveLength(1);
  });

  test('says that the proxy is no URL', async () => {
    vi.stubEnv('HTTP_PROXY', 'proxy:8080');
    await expect(download('http://127.0.0.1:2/file', target(), EXPECTED)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('HTTP_PROXY or HTTPS_PROXY is not an http:// or https:// URL'),
    });
  });

  test("keeps what has arrived when it is aborted, with the signal's reason, and goes on later", async () => {
    const server = await fileServer(stall(CONTENT, HALF), whole(CONTENT));
    const path = target();
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = download(server.url, path, {
      ...EXPECTED,
      signal: controller.signal,
      onProgress: (done) => done === HALF && controller.abort(reason),
    });
    await expect(aborted).rejects.toBe(reason);
    expect(readFileSync(`${path}.part`).equals(CONTENT.subarray(0, HALF))).toBe(true);
    await download(server.url, path, EXPECTED);
    expectWhole(path);
    expect(server.requests[1]?.range).toBe(`bytes=${HALF}-`);
  });

  test('asks nobody where it is aborted before', async () => {
    const server = await fileServer(whole(CONTENT));
    const options: DownloadOptions = { ...EXPECTED, signal: AbortSignal.abort('why') };
    await expect(download(server.url, target(), options)).rejects.toBe('why');
    expect(server.requests).toEqual([]);
  });

  test('stops with what a callback throws', async () => {
    const server = await fileServer(whole(CONTENT));
    const failure = new Error('a bug');
    const onProgress = () => {
      throw failure;
    };
    await expect(download(server.url, target(), { ...EXPECTED, onProgress })).rejects.toBe(failure);
  });

  test('needs no server for a part that is whole', async () => {
    const path = target();
    writeFileSync(`${path}.part`, CONTENT);
    await download('http://127.0.0.1:2/file', path, EXPECTED);
    expectWhole(path);
  });

  test('waits for another download of the same file', async () => {
    const server = await fileServer(whole(CONTENT));
    const path = target();
    await Promise.all([1, 2, 3].map(() => download(server.url, path, EXPECTED)));
    expectWhole(path);
    expect(server.requests).toHaveLength(1);
  });

  test('goes on where another process was killed', async () => {
    const server = await fileServer(stall(CONTENT, HALF), whole(CONTENT));
    const path = target();
    const module = new URL('../../dist/download/download.js', import.meta.url).href;
    const text = `import { download } from ${JSON.stringify(module)};
      await download('${server.url}', 'file', { sha256: '${EXPECTED.sha256}', onProgress: (done) => {
        if (done === ${HALF}) console.log('half');
      } });`;
    let ours: Promise<void> | undefined;
    await program(text, {
      cwd: join(path, '..'),
      onOutput: (_, kill) => {
        ours = download(server.url, path, EXPECTED);
        kill('SIGKILL');
      },
    });
    await ours;
    expectWhole(path);
    expect(server.requests[1]?.range).toBe(`bytes=${HALF}-`);
  });

  test('names a place that cannot be written', async () => {
    const server = await fileServer(whole(CONTENT));
    const file = target();
    writeFileSync(file, 'no directory');
    await expect(download(server.url, join(file, 'below', 'file'), EXPECTED)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining(join(file, 'below')),
    });
    expect(server.requests).toEqual([]);
  });

  test.skipIf(!canMount)('says that the disk is full (needs the right to mount a tmpfs)', async () => {
    const server = await fileServer(whole(CONTENT));
    const path = join(smallDisk(), 'file');
    await expect(download(server.url, path, SOON)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining('no space is left'),
    });
    expect(server.requests).toHaveLength(1);
  });
});

function target(...directories: string[]): string {
  return join(temporaryDirectory(), ...directories, 'file');
}

function expectWhole(path: string): void {
  expect(readFileSync(path).equals(CONTENT)).toBe(true);
  expect(readdirSync(join(path, '..'))).toEqual(['file']);
}

/** Whatever part was asked for. */
function everything(...[, response]: Parameters<RequestListener>): void {
  response.end(CONTENT);
}

/** Answers a request for a part with one that begins a byte later. */
function anotherRange(...[, response]: Parameters<RequestListener>): void {
  const range = `bytes ${HALF + 1}-${CONTENT.length - 1}/${CONTENT.length}`;
  response.writeHead(206, { 'content-range': range }).end(CONTENT.subarray(HALF + 1));
}

function corrupted(): RequestListener {
  const content = Buffer.from(CONTENT);
  content.writeUInt8(content.readUInt8(HALF) ^ 1, HALF);
  return whole(content);
}

/** Sends the content under a length of its own, and ends the connection. */
function announcing(length: number): RequestListener {
  return (request, response) => {
    const start = Number(request.headers.range?.match(/\d+/)?.[0] ?? 0);
    if (start >= CONTENT.length) return void response.writeHead(416).end();
    request.socket.end(
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`), CONTENT]),
    );
  };
}
