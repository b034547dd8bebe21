import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { torchTl } from '../cli/torch-tl.ts';
import { writeLookalike, writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Fetching LibTorch when something is in the way: `torch-tl build` where there is none, with a Python
 * whose pip does what the test needs. What pip itself does is seen where the checkout is built.
 */

const VERSION = '2.13.0+cpu';

describe('fetching LibTorch', () => {
  test('says that there is no pip, and the three ways out', async () => {
    const { code, stderr, cache } = await buildWithPip(null);
    expect(code).toBe(1);
    expect(stderr).toContain('There is no LibTorch 2.13 on this machine yet');
    expect(stderr).toContain('No Python with pip was found on PATH.');
    for (const way of ['pip install torch==2.13.0', 'TORCH_TL_LIBTORCH=DIR', 'TORCH_TL_CACHE=DIR']) {
      expect(stderr).toContain(way);
    }
    expect(readdirSync(cache)).toEqual([]);
  });

  test("shows pip's last lines where pip fails, and leaves nothing", async () => {
    const { code, stderr, cache } = await buildWithPip('echo "ERROR: no route to the index" >&2; exit 1');
    expect(code).toBe(1);
    expect(stderr).toContain('about 192 MB');
    expect(stderr).toContain('pip (of python3) failed:\nERROR: no route to the index\n');
    expect(readdirSync(cache)).toEqual([]);
  });

  test('takes no version but the one asked for', async () => {
    const { code, stderr, cache } = await buildWithPip(installing('2.13.1+cpu'));
    expect(code).toBe(1);
    expect(stderr).toContain('pip installed 2.13.1+cpu in place of 2.13.0+cpu.');
    expect(readdirSync(cache)).toEqual([]);
  });

  test('takes nothing incomplete', async () => {
    const script = `${installing(VERSION)}; rm "$target/torch/lib/libtorch_cpu.so"`;
    const { code, stderr, cache } = await buildWithPip(script);
    expect(code).toBe(1);
    expect(stderr).toContain('it is incomplete: lib/libtorch_cpu.so is missing');
    expect(readdirSync(cache)).toEqual([]);
  });

  test.each([
    ['INT', 130],
    ['TERM', 143],
  ])('ends pip and leaves nothing on SIG%s', async (signal, exitCode) => {
    const { code, cache } = await buildWithPip(`kill -${signal} $PPID; sleep 600`);
    expect(code).toBe(exitCode);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('clears what a killed installation left, but not what runs yet or elsewhere', async () => {
    const cache = temporaryDirectory();
    const kept = [`.installing-${hostname()}-${process.pid}`, `.installing-another-${hostname()}-4000000`];
    for (const name of [...kept, `.installing-${hostname()}-4000000`])
      mkdirSync(join(cache, name, 'scratch'), { recursive: true });
    await buildWithPip('exit 1', cache);
    expect(readdirSync(cache).sort()).toEqual([...kept].sort());
  });

  test('replaces an incomplete one in the cache', async () => {
    const cache = temporaryDirectory();
    writeTree(join(cache, `libtorch-${VERSION}`, 'torch'), { 'version.py': `__version__ = '${VERSION}'\n` });
    const { stderr } = await buildWithPip(installing(VERSION), cache);
    expect(stderr).toContain(`LibTorch ${VERSION} is in place.`);
    expect(readdirSync(cache)).toEqual([`libtorch-${VERSION}`]);
    // No build begins, since there is no compiler on PATH.
    expect(stderr).toContain('Building the engine needs these');
  });

  /** Runs `torch-tl build` where there is no LibTorch; `script` is what the one pip does, null for none. */
  async function buildWithPip(script: string | null, cache = temporaryDirectory()) {
    const directory = temporaryDirectory();
    if (script !== null) {
      writeTree(directory, { python3: `#!/bin/sh\nPATH=/usr/bin:/bin\n${PIP}\n${script}\n` });
      chmodSync(join(directory, 'python3'), 0o755);
    }
    const env = {
      TORCH_TL_LIBTORCH: '',
      LIBTORCH: '',
      VIRTUAL_ENV: '',
      PATH: directory,
      TORCH_TL_CACHE: cache,
    };
    return { ...(await torchTl(['build'], { cwd: directory, env })), cache };
  }

  /** What a pip does that installs this version. */
  function installing(version: string): string {
    return `mkdir -p "$target"; cp -R "${writeLookalike(join(temporaryDirectory(), 'torch'), version)}" "$target"`;
  }
});

/** Answers the questions where torch is (nowhere) and whether there is pip; finds where to install. */
const PIP = `case "$*" in
  -c*) echo '["/usr", "python3", null]'; exit 0;;
  *--version*) exit 0;;
esac
while [ "$1" != --target ]; do shift; done
target="$2"`;
