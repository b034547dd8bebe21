import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { torchTlProcess } from '../cli/torch-tl.ts';
import { nvidiaSmi, pythonWithPip, writePrograms } from '../support/fake-programs.ts';
import { installedIn, writeLookalike, writeTree, writeVariation } from '../support/libtorch.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * `torch-tl libtorch install` through pip when something is in the way, with a Python whose pip does what the test
 * needs. Libraries that load are links to those of this machine's LibTorch.
 */

const VERSION = '2.13.0+cpu';
const real = locateLibTorch(builtMinors(packageRoot)).root;

describe('torch-tl libtorch install, through pip', () => {
  test('puts what pip installs into the cache, and fetches nothing the second time', async () => {
    const cache = temporaryDirectory();
    const first = await install(installing(loadable()), { cache });
    expect(first.code).toBe(0);
    expect(first.stderr).toContain(`Chose LibTorch ${VERSION}: no NVIDIA driver was found`);
    expect(first.stderr).toContain("PyTorch's wheel through pip (of python3), about 200 MB");
    expect(first.stderr).toContain(
      `Installed LibTorch ${VERSION}: ${join(cache, `libtorch-${VERSION}`, 'torch')}`,
    );
    expect(installedIn(cache)).toEqual([`libtorch-${VERSION}`]);

    expect((await install('exit 1', { cache })).code).toBe(0);
    expect((await install('exit 1', { cache, args: ['--force'] })).code).toBe(1);
    expect(installedIn(cache)).toEqual([`libtorch-${VERSION}`]);
  });

  test("leaves the user's configuration of pip in force", async () => {
    const script = 'echo "arguments: $arguments" >&2; echo "index: $PIP_INDEX_URL, $HTTPS_PROXY" >&2; exit 1';
    const env = { PIP_INDEX_URL: 'http://mirror.test/simple', HTTPS_PROXY: 'http://proxy.test' };
    const { stderr } = await install(script, { env });
    expect(stderr).toContain('index: http://mirror.test/simple, http://proxy.test');
    expect(stderr).not.toMatch(/--(index-url|proxy|retries|timeout|cert|no-cache-dir)/);
    expect(stderr).toContain(`--no-deps --progress-bar off --extra-index-url`);
    expect(stderr).toContain(`/whl/cpu torch==${VERSION}\n`);
  });

  test("shows pip's last lines where pip fails, what helps, and leaves nothing", async () => {
    const { code, stderr, cache } = await install('echo "ERROR: no route to the index" >&2; exit 1');
    expect(code).toBe(1);
    expect(stderr).toContain('pip (of python3) failed:\nERROR: no route to the index\n');
    for (const way of [
      'TORCH_TL_LIBTORCH_URL=',
      'pip install torch==2.13.0',
      'TORCH_TL_LIBTORCH=DIR',
      'TORCH_TL_CACHE=DIR',
    ]) {
      expect(stderr).toContain(way);
    }
    expect(installedIn(cache)).toEqual([]);
  });

  test('takes no version but the one asked for', async () => {
    const other = writeLookalike(join(temporaryDirectory(), 'torch'), '2.13.1+cpu');
    const { code, stderr, cache } = await install(installing(other));
    expect(code).toBe(1);
    expect(stderr).toContain('The download is LibTorch 2.13.1+cpu instead of 2.13.0+cpu.');
    expect(installedIn(cache)).toEqual([]);
  });

  test('takes nothing incomplete', async () => {
    const script = `${installing(loadable())}; rm "$target/torch/lib/libtorch_cpu.so"`;
    const { code, stderr, cache } = await install(script);
    expect(code).toBe(1);
    expect(stderr).toContain('it is incomplete: lib/libtorch_cpu.so is missing');
    expect(installedIn(cache)).toEqual([]);
  });

  test('takes nothing that does not load', async () => {
    const damaged = readFileSync(join(real, 'lib', 'libc10.so'));
    damaged.write('libdx.so.2', damaged.indexOf('libdl.so.2'), 'latin1');
    const torch = writeVariation(join(temporaryDirectory(), 'torch'), real, { 'libc10.so': damaged });
    const { code, stderr, cache } = await install(installing(torch));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /The downloaded LibTorch does not load: LibTorch .*libc10\.so: it needs libdx\.so\.2, which is missing/,
    );
    expect(installedIn(cache)).toEqual([]);
  });

  test.each([
    ['INT', 130],
    ['TERM', 143],
  ])('ends pip and leaves nothing on SIG%s', async (signal, exitCode) => {
    const { code, cache } = await install(`mkdir -p "$target/torch"; kill -${signal} $PPID; sleep 600`);
    expect(code).toBe(exitCode);
    expect(installedIn(cache)).toEqual([]);
  });

  test('clears what a killed installation left, and replaces an incomplete LibTorch', async () => {
    const cache = temporaryDirectory();
    mkdirSync(join(cache, '.libtorch-installing', 'scratch'), { recursive: true });
    writeTree(join(cache, `libtorch-${VERSION}`, 'torch'), { 'version.py': `__version__ = '${VERSION}'\n` });
    expect((await install(installing(loadable()), { cache })).code).toBe(0);
    expect(installedIn(cache)).toEqual([`libtorch-${VERSION}`]);
  });

  test('waits for another process that installs, and takes what it has installed', async () => {
    const [cache, calls] = [temporaryDirectory(), temporaryDirectory()];
    const script = `touch "${calls}/$$"; sleep 2; ${installing(loadable())}`;
    const [first, second] = await Promise.all([install(script, { cache }), install(script, { cache })]);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(readdirSync(calls)).toHaveLength(1);
    expect(first.stderr + second.stderr).toContain(
      `Another process is changing the LibTorches in ${cache}; waiting for it.`,
    );
  });

  test.skipIf(!canMount)('asks for the space first', async () => {
    const { code, stderr, cache } = await install('exit 1', { cache: smallDisk() });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /LibTorch needs 950 MB on the disk of \S+, which has \d+ kB free\. .*TORCH_TL_CACHE=DIR/,
    );
    expect(stderr).not.toContain('Downloading');
    expect(installedIn(cache)).toEqual([]);
  });

  test.each([
    ['580.65.06', '9.0', /torch==[\d.]+\n/, 'the NVIDIA driver 580.65.06 can use CUDA 13.0'],
    [
      '550.54.14',
      '9.0',
      /torch==[\d.]+\+cpu\n/,
      'the NVIDIA driver 550.54.14 is too old for CUDA 13.0, which needs 580 or newer',
    ],
    [
      '580.65.06',
      '6.1',
      /torch==[\d.]+\+cpu\n/,
      'CUDA 13.0 needs a GPU of compute capability 7.5 or higher, and this machine has 6.1',
    ],
  ])('with driver %s and a GPU of %s asks for %s', async (driver, capability, asked, reason) => {
    const programs = { 'nvidia-smi': nvidiaSmi(driver, capability) };
    const { stderr } = await install('echo "arguments: $arguments" >&2; exit 1', { programs });
    expect(stderr).toMatch(/^Chose LibTorch \S+: /m);
    expect(stderr).toContain(`: ${reason}.\n`);
    expect(stderr).toMatch(asked);
    // NVIDIA's own libraries are packages that torch depends on.
    expect(stderr.includes('--no-deps')).toBe(asked.source.includes('cpu'));
  });

  test.each([
    [
      ['--version', '1.13'],
      'torch-tl cannot use LibTorch 1.13: its engine supports 2.11, 2.12, 2.13 or 2.14.',
    ],
    [
      ['--version', 'newest'],
      "--version must be a version of LibTorch such as 2.13, 2.13.0 or 2.13.0+cu130, not 'newest'.",
    ],
    [['--cpu', '--version', '2.13.0+cu130'], '--version 2.13.0+cu130 contradicts --cpu.'],
    [['--cpu', '--cuda'], "option '--cpu' cannot be used with option '--cuda'"],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await install('exit 1', { args });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  interface Circumstances {
    cache?: string;
    args?: string[];
    programs?: Record<string, string>;
    env?: Record<string, string>;
  }

  /** Runs the command where there is no LibTorch; `script` is what the one pip does. */
  async function install(
    script: string,
    { cache = temporaryDirectory(), args = [], programs = {}, env = {} }: Circumstances = {},
  ) {
    const PATH = writePrograms(temporaryDirectory(), { python3: pythonWithPip(script), ...programs });
    const invocation = { cwd: PATH, env: { ...NOWHERE, PATH, TORCH_TL_CACHE: cache, ...env } };
    return { ...(await torchTlProcess(['libtorch', 'install', ...args], invocation)), cache };
  }

  /** What a pip does that installs this one. */
  function installing(torch: string): string {
    return `mkdir -p "$target"; cp -R "${torch}" "$target"`;
  }

  function loadable(): string {
    return writeVariation(join(temporaryDirectory(), 'torch'), real, {});
  }
});

const NOWHERE = { TORCH_TL_LIBTORCH: '', LIBTORCH: '', VIRTUAL_ENV: '', TORCH_TL_LIBTORCH_URL: '' };
