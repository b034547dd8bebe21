import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { downloadArchive, downloadCifar10 } from '../../lib/data/cifar10/download.ts';
import { openData } from '../../lib/data/source.ts';
import { writeBatches } from '../support/cifar10-records.ts';
import { cut, fileServer, proxy, stall, whole } from '../support/file-server.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

beforeEach(() => {
  vi.stubEnv('TORCH_TL_CACHE', join(temporaryDirectory(), 'cache'));
  vi.stubEnv('TORCH_TL_DATA', undefined);
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'])
    vi.stubEnv(name, undefined);
});
afterEach(() => void vi.unstubAllEnvs());

/** An archive as CIFAR-10's page has it, of a few images; `more` may add to what goes in. */
async function archive(more: (directory: string) => void = () => {}, name = 'cifar-10-binary.tar.gz') {
  const directory = temporaryDirectory();
  const inside = join(directory, 'cifar-10-batches-bin');
  mkdirSync(inside);
  writeBatches(inside, { 'data_batch_1.bin': [3, 1], 'test_batch.bin': [9] });
  writeFileSync(join(inside, 'readme.html'), 'read me');
  more(directory);
  const file = join(directory, name);
  await create({ gzip: true, file, cwd: directory, portable: true }, readdirSync(directory));
  return file;
}

describe('an archive of CIFAR-10', () => {
  test.for(['the archive itself', 'the directory that it lies in'])('is read by naming %s', async (how) => {
    const file = await archive();
    const data = await openData(how === 'the archive itself' ? file : join(file, '..', '.'));
    expect(data).toMatchObject({ name: 'cifar10', train: { count: 2 }, valid: { count: 1 } });
  });

  test('is unpacked once, without what is no batch', async () => {
    const file = join(temporaryDirectory(), 'cifar-10-binary.tar.gz');
    writeFileSync(file, readFileSync(await archive()));
    await openData(file);
    const [unpacked = ''] = readdirSync(process.env.TORCH_TL_CACHE ?? '');
    const inside = join(process.env.TORCH_TL_CACHE ?? '', unpacked, 'cifar-10-batches-bin');
    expect(readdirSync(inside).sort()).toEqual(['data_batch_1.bin', 'test_batch.bin']);
    expect(await openData(file)).toMatchObject({ source: file });
  });

  test.for<[string, () => Promise<Buffer>, RegExp]>([
    [
      'a cut-off archive',
      async () => readFileSync(await archive()).subarray(0, -10),
      /is not a complete tar archive/,
    ],
    ['what is no archive', async () => Buffer.from('hello'), /cifar-10-binary\.tar\.gz/],
    [
      'a link in place of a batch',
      async () => {
        const linked = (directory: string) =>
          symlinkSync('/etc/passwd', join(directory, 'cifar-10-batches-bin', 'data_batch_2.bin'));
        return readFileSync(await archive(linked));
      },
      /which is not a regular file/,
    ],
  ])('%s is refused and leaves nothing', async ([, bytes, message]) => {
    const file = join(temporaryDirectory(), 'cifar-10-binary.tar.gz');
    writeFileSync(file, await bytes());
    await expect(openData(file)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(message),
    });
    const cache = process.env.TORCH_TL_CACHE ?? '';
    expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([]);
  });
});

describe('downloading CIFAR-10', () => {
  async function served(...answers: Array<(content: Buffer) => Parameters<typeof fileServer>[0]>) {
    const content = readFileSync(await archive());
    const [first = whole, ...rest] = answers;
    const { url, requests } = await fileServer(first(content), ...rest.map((answer) => answer(content)));
    const md5 = createHash('md5').update(content).digest('hex');
    return { archive: { url, md5, size: content.length }, requests };
  }

  test('puts it where auto finds it, once', async () => {
    const { archive, requests } = await served(whole);
    const directory = await downloadArchive(archive);
    expect(await openData('auto')).toMatchObject({ name: 'cifar10', source: directory, train: { count: 2 } });
    expect(await downloadArchive(archive)).toBe(directory);
    expect(requests).toHaveLength(1);
    expect(readdirSync(join(directory, '..'))).toEqual(['cifar10']);
  });

  test('goes on after connections that break', async () => {
    const { archive, requests } = await served((content) => cut(content, 100), whole);
    await downloadArchive(archive, { directory: join(temporaryDirectory(), 'data') });
    expect(requests.length).toBeGreaterThan(1);
  });

  test('refuses another file of the same length, and leaves nothing', async () => {
    const { archive } = await served((content) => whole(Buffer.alloc(content.length)));
    const directory = join(temporaryDirectory(), 'data');
    await expect(downloadArchive(archive, { directory })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/has the MD5 [0-9a-f]{32}, expected/),
    });
    expect(existsSync(directory)).toBe(false);
  });

  test('refuses a server that lies about the length', async () => {
    const { archive } = await served((content) => whole(Buffer.concat([content, Buffer.alloc(10)])));
    await expect(downloadArchive(archive)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  });

  test('stops where it is aborted in a transfer that stalls', async () => {
    const { archive } = await served((content) => stall(content, 50));
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    await expect(downloadArchive(archive, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
  });

  test("asks CIFAR-10's own page through the proxy", async () => {
    const refusing = await proxy({ refuses: true });
    vi.stubEnv('HTTPS_PROXY', refusing.url);
    await expect(downloadCifar10()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^Cannot download https:\/\/www\.cs\.toronto\.edu\/~kriz\/cifar-10-binary\.tar\.gz/,
      ),
    });
  });
});
