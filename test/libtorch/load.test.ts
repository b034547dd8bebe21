import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { builtMinors, findLoader } from '../../lib/addon/engines.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import { loadLibTorch } from '../../lib/libtorch/load.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('builtMinors', () => {
  test('lists the versions that have an engine, the newest first', () => {
    const root = writeTree(temporaryDirectory(), {
      'libtorch-2.9/build/Release/torch-tl-engine.node': '',
      [`libtorch-2.13/prebuilds/${process.platform}-${process.arch}/torch-tl.node`]: '',
      'libtorch-2.12/build/stamp': '',
    });
    mkdirSync(join(root, 'lib'));
    expect(builtMinors(root)).toEqual(['2.13', '2.9']);
  });
});

describe('loadLibTorch', () => {
  test('says that the engine is not built, and how to build it', () => {
    const root = temporaryDirectory();
    expect(() => loadLibTorch(root, builtMinors(root))).toThrowError(
      expect.objectContaining({
        code: 'ENGINE_NOT_BUILT',
        message: expect.stringContaining('npx torch-tl build'),
      }),
    );
  });

  test('loads what the engine needs, and a second time is harmless', () => {
    const minors = builtMinors(packageRoot);
    const first = loadLibTorch(packageRoot, minors);
    expect(loadLibTorch(packageRoot, minors)).toEqual(first);
    expect(loadEngine().info().builtFor.startsWith(first.minor)).toBe(true);
  });

  test('loads in a worker thread too, which may end', async () => {
    const { libraries } = loadLibTorch(packageRoot, builtMinors(packageRoot));
    const loader = findLoader(packageRoot)?.path;
    const text = `for (const path of ${JSON.stringify(libraries)}) require(${JSON.stringify(loader)}).load(path);`;
    const exitCode = await new Promise((resolve, reject) => {
      new Worker(text, { eval: true }).on('error', reject).on('exit', resolve);
    });
    expect(exitCode).toBe(0);
  });
});
