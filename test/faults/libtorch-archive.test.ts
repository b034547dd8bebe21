import { readFileSync, statSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileServer, stall, status, whole } from '../support/file-server.ts';
import { installedIn } from '../support/libtorch.ts';
import { ARCHIVE, ARCHIVE_VERSION, archive, c10, FILES, LIBRARIES } from '../support/libtorch-archive.ts';
import { packageCopy, torchTlOf } from '../support/package-copy.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { damaged, zipOf } from '../support/zip.ts';

/*
 * `torch-tl libtorch install` from an archive, which a server on this machine has in place of PyTorch's.
 */

type OnTick = (kill: (signal: NodeJS.Signals) => void, breakConnections: () => void) => void;

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'torch-tl libtorch install, from an archive',
  () => {
    test('asks the mirror for the official name, and puts what is in it into the cache', async () => {
      const paths: string[] = [];
      const { code, stderr, cache } = await install((request, response) => {
        paths.push(request.url ?? '');
        whole(archive())(request, response);
      });
      expect(code).toBe(0);
      expect(paths).toEqual([`/file/cpu/${ARCHIVE.replace('+', '%2B')}`]);
      const root = join(cache, `libtorch-${ARCHIVE_VERSION}`, 'torch');
      expect(stderr).toContain(`Installed LibTorch ${ARCHIVE_VERSION}: ${root}`);
      expect(stderr).toContain(
        `There is no engine for LibTorch 2.12 yet. Build it with \`TORCH_TL_LIBTORCH=${root} npx torch-tl build\`.`,
      );
      expect(readFileSync(join(root, 'lib', 'libtorch_cpu.so')).equals(c10)).toBe(true);
      expect(installedIn(cache)).toEqual([`libtorch-${ARCHIVE_VERSION}`]);
    });

    test('goes on where a connection broke', async () => {
      const cache = temporaryDirectory();
      const answers = [stall(archive(), 500_000), whole(archive())] as const;
      // Not before it is there: of what it has not yet read a client keeps nothing.
      const onTick = onceArrived(cache, (_, breakConnections) => breakConnections());
      const { code, requests } = await installIn(cache, answers, onTick);
      expect(code).toBe(0);
      expect(requests.map(({ range }) => range)).toEqual([undefined, 'bytes=500000-']);
      expect(installedIn(cache)).toEqual([`libtorch-${ARCHIVE_VERSION}`]);
    });

    test('keeps what had come when stopped, and the next one goes on from there', async () => {
      const cache = temporaryDirectory();
      const onTick = onceArrived(cache, (kill) => kill('SIGINT'));
      const { code } = await installIn(cache, [stall(archive(), 500_000)], onTick);
      expect(code).toBe(130);
      expect(installedIn(cache)).toEqual([`${ARCHIVE}.part`]);

      const second = await installIn(cache, [whole(archive())]);
      expect(second.code).toBe(0);
      expect(second.requests[0]?.range).toBe('bytes=500000-');
      expect(installedIn(cache)).toEqual([`libtorch-${ARCHIVE_VERSION}`]);
    });

    test.each([
      [
        'an archive with a changed byte',
        () => damaged(archive(), '\x7fELF'),
        /The archive from 127\.0\.0\.1:\d+ is damaged: its file libtorch\/lib\/\S+ is damaged \(wrong CRC-32\)\. It was deleted; try again/,
      ],
      [
        'a page in place of an archive',
        () => Buffer.from('<html>Please log in</html>'),
        /the downloaded file is not a complete zip archive \(.+\); it was deleted/,
      ],
      [
        'an archive without one of its libraries',
        () => zipOf({ ...FILES, 'libtorch/lib/libc10.so': c10 }),
        /it is incomplete: lib\/libtorch_cpu\.so is missing/,
      ],
      [
        'an archive of another version',
        () => zipOf({ ...LIBRARIES, 'libtorch/build-version': '2.12.1+cpu\n' }),
        /The download is LibTorch 2\.12\.1\+cpu instead of 2\.12\.0\+cpu/,
      ],
      [
        'an archive with another folder',
        () => zipOf({ 'torch/build-version': ARCHIVE_VERSION }),
        /is damaged: it has no folder libtorch/,
      ],
      [
        'an archive whose library is truncated',
        () => zipOf({ ...LIBRARIES, ...FILES, 'libtorch/lib/libc10.so': c10.subarray(0, 5000) }),
        /does not load: .* it is truncated/,
      ],
      [
        'an archive that leads out of its directory',
        () => zipOf({ '../libtorch/build-version': ARCHIVE_VERSION }),
        /invalid relative path: \.\.\/libtorch/,
      ],
    ])('takes no part of %s', async (_, content, message) => {
      const { code, stderr, cache } = await install(whole(content()));
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      expect(installedIn(cache)).toEqual([]);
    });

    test('says what a server answers that has no such file', async () => {
      const { code, stderr } = await install(status(404));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /Cannot download http:\S+: the server answered 404 Not Found\. Try again, set HTTPS_PROXY=URL/,
      );
    });

    test("shows no user's password", async () => {
      const { stderr, requests } = await install(status(403));
      expect(requests[0]?.authorization).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
      expect(stderr).not.toContain('secret');
    });

    function bytesOf(path: string): number {
      return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    }

    /** Acts once, when 500,000 bytes of the archive are in the cache. */
    function onceArrived(cache: string, act: OnTick): OnTick {
      let hasActed = false;
      return (kill, breakConnections) => {
        if (hasActed || bytesOf(join(cache, `${ARCHIVE}.part`)) < 500_000) return;
        hasActed = true;
        act(kill, breakConnections);
      };
    }

    async function install(...answers: [RequestListener, ...RequestListener[]]) {
      const cache = temporaryDirectory();
      return { ...(await installIn(cache, answers)), cache };
    }

    async function installIn(
      cache: string,
      answers: readonly [RequestListener, ...RequestListener[]],
      onTick?: OnTick,
    ) {
      const { url, requests, breakConnections } = await fileServer(...answers);
      const env = {
        TORCH_TL_CACHE: cache,
        TORCH_TL_LIBTORCH_URL: url.replace('http://', 'http://me:secret@'),
        NO_PROXY: '127.0.0.1',
      };
      const args = ['libtorch', 'install', '--cpu', '--version', '2.12'];
      const ended = await torchTlOf(packageCopy(), args, {
        cwd: cache,
        env,
        ...(onTick && { onTick: (kill) => onTick(kill, breakConnections) }),
      });
      return { ...ended, requests };
    }
  },
);
