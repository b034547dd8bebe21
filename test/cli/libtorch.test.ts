import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import type { LibTorchStatus } from '../../lib/cli/libtorch.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { nvidiaSmi, pythonWithPip, writePrograms } from '../support/fake-programs.ts';
import { writeLookalike, writeTree, writeVariation } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTlOnTerminal } from '../support/terminal.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

const real = locateLibTorch(builtMinors(packageRoot));

/** A machine without Python and LibTorch, but with what is in the cache. */
function machine(cache: string, programs: Record<string, string> = {}) {
  const PATH = writePrograms(temporaryDirectory(), programs);
  const env = { TORCH_TL_LIBTORCH: '', LIBTORCH: '', VIRTUAL_ENV: '', TORCH_TL_LIBTORCH_URL: '', CI: '' };
  return { cwd: PATH, env: { ...env, PATH, TORCH_TL_CACHE: cache } };
}

function cacheWith(...versions: string[]): string {
  const cache = temporaryDirectory();
  for (const version of versions) writeLookalike(join(cache, `libtorch-${version}`, 'torch'), version);
  return cache;
}

describe('torch-tl libtorch status', () => {
  test('lists the places, what the cache holds, the driver, and what would be fetched', async () => {
    const cache = cacheWith('2.13.0+cpu', '2.12.0+cu130');
    writeTree(cache, { 'libtorch-shared-with-deps-2.11.0+cpu.zip.part': '12345' });
    const invocation = machine(cache, { 'nvidia-smi': nvidiaSmi('550.54.14', '9.0') });
    const { code, stdout, stderr } = await torchTl(['libtorch', 'status', '--json'], invocation);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const status = JSON.parse(stdout) as LibTorchStatus;
    expect(status.candidates.find(({ accepted }) => accepted)?.version).toBe('2.13.0+cpu');
    expect(status.cache).toEqual({
      directory: cache,
      versions: [
        { version: '2.13.0+cpu', bytes: expect.any(Number), problem: null },
        {
          version: '2.12.0+cu130',
          bytes: expect.any(Number),
          problem: expect.stringContaining('libc10_cuda.so is missing'),
        },
      ],
      unfinishedBytes: 5,
    });
    expect(status.nvidia).toEqual({ version: '550.54.14', capabilities: ['9.0'] });
    expect(status.install).toEqual({
      version: '2.13.0+cpu',
      reason: expect.stringContaining('550.54.14 is too old'),
    });
  });

  test('says the same in lines', async () => {
    const cache = cacheWith('2.13.0+cpu');
    const { stdout } = await torchTl(['libtorch', 'status'], machine(cache));
    expect(stdout).toContain(
      `+ cache: 2.13.0+cpu in ${join(cache, 'libtorch-2.13.0+cpu', 'torch')}: the first match`,
    );
    expect(stdout).toMatch(/^Versions in the cache .*:\n {2}2\.13\.0\+cpu {2}\d+ kB$/m);
    expect(stdout).toContain('NVIDIA: no driver found (nvidia-smi does not answer)');
    expect(stdout).toContain(
      '`torch-tl libtorch install` installs 2.13.0+cpu because no NVIDIA driver was found',
    );
  });
});

describe('torch-tl libtorch remove', () => {
  test.each([
    ['2.13.0+cpu', ['libtorch-2.12.0+cpu', 'libtorch-2.13.0+cu130', 'weights']],
    ['2.13', ['libtorch-2.12.0+cpu', 'weights']],
    [undefined, ['weights']],
  ])('of %s leaves %j', async (version, left) => {
    const cache = cacheWith('2.13.0+cpu', '2.13.0+cu130', '2.12.0+cpu');
    writeTree(cache, { 'weights/file': '' });
    if (version === undefined)
      writeTree(cache, { '.libtorch-installing/file': '', 'libtorch-win-2.zip': '' });
    const args = version === undefined ? [] : [version];
    const { code, stderr } = await torchTl(['libtorch', 'remove', ...args], machine(cache));
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Removed \S+libtorch-2\.13\.0\+cpu, \d+ kB$/m);
    expect(readdirSync(cache).sort()).toEqual(left);
  });

  test('says what there is where there is none of a version', async () => {
    const { code, stderr } = await torchTl(['libtorch', 'remove', '2.1'], machine(cacheWith('2.13.0+cpu')));
    expect(code).toBe(2);
    expect(stderr).toBe('error: The cache has no LibTorch 2.1; it has 2.13.0+cpu.\n');
  });
});

describe('a command that finds no LibTorch', () => {
  const QUESTION =
    /No usable LibTorch was found on this machine\. .* 2\.13\.0\+cpu is suitable because no NVIDIA driver was found .*\r?\nInstall it now into \S+ \(download about 200 MB, 750 MB on disk\)\? \(y\/n\)/;

  test.skipIf(`${real.version}+${real.variant}` !== '2.13.0+cpu')(
    'offers to install it on a terminal, and then goes on (this machine has the one that is installed)',
    async () => {
      const [cache, out] = [temporaryDirectory(), join(temporaryDirectory(), 'run')];
      const { code, stdout } = await torchTlOnTerminal(run(out), 'y\n', machine(cache, { python3: pip() }));
      expect(stdout).toMatch(QUESTION);
      expect(stdout).toContain('pip on a terminal: yes');
      expect(stdout).toContain('Installed LibTorch 2.13.0+cpu');
      expect(code).toBe(0);
      expect(existsSync(join(out, 'results.json'))).toBe(true);
    },
  );

  test.each(['n\n', '\n', '\u0004'])('fails with what to do where the answer is %j', async (answer) => {
    const [cache, out] = [temporaryDirectory(), join(temporaryDirectory(), 'run')];
    const { code, stdout } = await torchTlOnTerminal(run(out), answer, machine(cache, { python3: pip() }));
    expect(stdout).toMatch(QUESTION);
    expect(stdout).toContain('npx torch-tl libtorch install  downloads LibTorch');
    expect(code).toBe(1);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('asks nobody in a CI, without a terminal, or where TORCH_TL_LIBTORCH names another', async () => {
    const { cwd, env } = machine(temporaryDirectory(), { python3: pip() });
    const out = join(temporaryDirectory(), 'run');
    const ended = [
      await torchTlOnTerminal(run(out), 'y\n', { cwd, env: { ...env, CI: 'true' } }),
      await torchTlOnTerminal(run(out), 'y\n', { cwd, env: { ...env, TORCH_TL_LIBTORCH: '/nowhere' } }),
      await torchTlProcess(run(out), { cwd, env, input: Buffer.from('y\n') }),
    ];
    for (const { code, stdout, stderr } of ended) {
      expect(code).toBe(1);
      expect(stdout + stderr).toContain('npx torch-tl libtorch install');
      expect(stdout + stderr).not.toContain('(y/n)');
    }
  });

  function run(out: string): string[] {
    const size = ['--image-size', '32', '--limit-train', '20', '--limit-valid', '10', '--epochs', '1'];
    return ['run', 'finetune', ...size, '--out', out];
  }

  /** Installs links to this machine's LibTorch, and says whether it can draw a progress bar. */
  function pip(): string {
    const torch = writeVariation(join(temporaryDirectory(), 'torch'), real.root, {});
    return pythonWithPip(
      `test -t 1 && echo "pip on a terminal: yes"; mkdir -p "$target"; cp -R "${torch}" "$target"`,
    );
  }
});
