import { cpSync, existsSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors, findEngine } from '../../lib/addon/engines.ts';
import type { DoctorReport } from '../../lib/cli/doctor.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { packageVersion } from '../../lib/support/version.ts';
import { pythonWithPip, writePrograms } from '../support/fake-programs.ts';
import { writeLookalike, writeTree, writeVariation } from '../support/libtorch.ts';
import { loaderPath, packageCopy, prebuilds, torchTlOf } from '../support/package-copy.ts';
import { smallSources } from '../support/small-sources.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTlProcess } from './torch-tl.ts';

const libtorch = locateLibTorch(builtMinors(packageRoot));
const env = { TORCH_TL_LIBTORCH: libtorch.root };

const ENGINES = `engines-${packageVersion()}-${process.platform}-${process.arch}`;
const LOADER = join('build', 'Release', 'torch-tl-loader.node');

function engineFor(minor: string): string {
  return join(`libtorch-${minor}`, 'build', 'Release', 'torch-tl-engine.node');
}

describe('torch-tl build in a checkout', () => {
  test('builds, then only what is stale, and shows what the compiler says', async () => {
    // Only a checkout has the sources in TypeScript.
    const root = writeTree(packageCopy({ withLoader: false }), { ...smallSources(), 'lib/index.ts': '' });
    const build = (...args: string[]) => torchTlOf(root, ['build', ...args], { cwd: root, env });

    const first = await build('--if-stale');
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toMatch(/^Building the engine for LibTorch .*\nThe engine was built in \d+ s\.\n$/);
    const loader = join(root, LOADER);
    expect([join(root, engineFor(libtorch.minor)), loader].every(existsSync)).toBe(true);

    expect(await build('--if-stale')).toEqual({ code: 0, stdout: '', stderr: '' });

    rmSync(loader);
    await build('--if-stale');
    expect(existsSync(loader)).toBe(true);

    writeTree(root, { 'native/small.cc': 'int broken() { return }\n' });
    const broken = await build('--if-stale');
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain('int broken() { return }');
    expect(broken.stderr).toMatch(
      /error: The engine could not be built; the output of CMake or the compiler above says why\.\n$/,
    );

    writeTree(root, { 'native/small.cc': 'int repaired() { return 1; }\n' });
    expect((await build('--if-stale', '--verbose')).stderr).toContain('small.cc');
    expect((await build('--if-stale')).stderr).toBe('');
  });

  test('names the tools that are missing, and how to get them', async () => {
    const empty = temporaryDirectory();
    const { code, stderr } = await torchTlProcess(['build'], { cwd: empty, env: { ...env, PATH: empty } });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'programs that are not on PATH: CMake, a C++20 compiler (g++ or clang++), Ninja or make;',
    );
    if (process.platform === 'linux') expect(stderr).toContain('sudo apt-get install g++ cmake ninja-build');
  });

  test('refuses a TORCH_TL_LIBTORCH that is none, rather than take another', async () => {
    const { code, stderr } = await torchTlProcess(['build'], {
      cwd: temporaryDirectory(),
      env: { TORCH_TL_LIBTORCH: '/no/such/directory' },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'TORCH_TL_LIBTORCH names /no/such/directory, which cannot be built against: there is no such directory.',
    );
  });
});

describe('torch-tl build of an installed package', () => {
  test('builds into the cache, and leaves the package as it is', async () => {
    const [root, cache] = [installedPackage(), temporaryDirectory()];
    const before = listing(root);
    const built = await torchTlOf(root, ['build'], { cwd: cache, env: { ...env, TORCH_TL_CACHE: cache } });
    expect(built.code).toBe(0);
    expect(built.stderr).toContain(
      `into ${join(cache, ENGINES, `libtorch-${libtorch.minor}`, 'build')} (takes`,
    );
    expect(existsSync(join(cache, ENGINES, LOADER))).toBe(true);
    expect(existsSync(join(cache, ENGINES, engineFor(libtorch.minor)))).toBe(true);
    expect(listing(root)).toEqual(before);
  });

  test('takes the first LibTorch that there is, of whichever version', async () => {
    const cache = temporaryDirectory();
    const other = writeTree(writeLookalike(temporaryDirectory(), '2.12.0+cpu'), {
      'include/ATen/ATen.h': '',
    });
    const { stderr } = await torchTlOf(installedPackage(), ['build'], {
      cwd: cache,
      env: { TORCH_TL_LIBTORCH: '', LIBTORCH: other, TORCH_TL_CACHE: cache },
    });
    expect(stderr).toContain(`Building the engine for LibTorch 2.12.0+cpu in ${other}`);
    expect(existsSync(join(cache, ENGINES, engineFor('2.12')))).toBe(true);
  });

  test('fetches LibTorch where there is none, for which it builds the loader first', async () => {
    const root = packageCopy({ withLoader: false });
    for (const name of ['CMakeLists.txt', 'native']) symlinkSync(join(packageRoot, name), join(root, name));
    const [cache, torch] = [temporaryDirectory(), join(temporaryDirectory(), 'torch')];
    writeVariation(torch, libtorch.root, {});
    const pip = pythonWithPip(`mkdir -p "$target"; cp -R "${torch}" "$target"`);
    const PATH = `${writePrograms(temporaryDirectory(), { python3: pip, python: 'exit 1' })}:${process.env.PATH}`;
    const nothing = { TORCH_TL_LIBTORCH: '', LIBTORCH: '', VIRTUAL_ENV: '', TORCH_TL_LIBTORCH_URL: '' };
    const { stderr } = await torchTlOf(root, ['build'], {
      cwd: cache,
      env: { ...nothing, PATH, TORCH_TL_CACHE: cache },
    });
    expect(stderr).toContain('This machine has no LibTorch yet to build the engine against.');
    expect(stderr).toContain('Chose LibTorch 2.13.0+cpu: it was requested.');
    // Without headers, so that the engine, which takes minutes, is not built.
    expect(stderr).toContain('has no headers (include/ATen/ATen.h), which building the engine needs');
    expect(existsSync(join(cache, ENGINES, LOADER))).toBe(true);
    expect(existsSync(join(cache, 'libtorch-2.13.0+cpu', 'torch', 'version.py'))).toBe(true);
  });

  test('is found by what runs, before the one in the package', async () => {
    const [root, cache] = [packageCopy({ withLoader: false }), temporaryDirectory()];
    cpSync(loaderPath(), join(cache, ENGINES, LOADER));
    cpSync(
      findEngine(packageRoot, libtorch.minor)?.path ?? '',
      join(cache, ENGINES, engineFor(libtorch.minor)),
    );
    writeTree(root, { [join(prebuilds(`libtorch-${libtorch.minor}`), 'torch-tl.node')]: 'none that loads' });
    const { stdout } = await torchTlOf(root, ['doctor', '--json'], {
      cwd: cache,
      env: { ...env, TORCH_TL_CACHE: cache },
    });
    expect((JSON.parse(stdout) as DoctorReport).engine).toMatchObject({ builtFor: libtorch.version });
  });

  function installedPackage(): string {
    return writeTree(packageCopy(), smallSources());
  }

  /** Every file of a package with when it was written. */
  function listing(root: string): Array<[string, number]> {
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((path) => !path.startsWith('node_modules'))
      .map((path): [string, number] => [path, statSync(join(root, path)).mtimeMs]);
  }
});
