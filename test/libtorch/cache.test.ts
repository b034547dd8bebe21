import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { lockCache } from '../../lib/libtorch/cache.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

afterEach(() => void vi.unstubAllEnvs());

test("the cache's lock is let go of where its file cannot be removed", async () => {
  const cache = temporaryDirectory();
  vi.stubEnv('TORCH_TL_CACHE', cache);
  const file = join(cache, '.libtorch.lock');
  const lock = await lockCache(() => {});
  rmSync(file);
  mkdirSync(file);
  lock.release();
  rmSync(file, { recursive: true });

  const onWait = vi.fn();
  (await lockCache(onWait)).release();
  expect(onWait).not.toHaveBeenCalled();
});
