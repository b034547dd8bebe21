import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/libtorch/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/package-root.ts';
import { writeTree } from '../support/libtorch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const libtorch = locateLibTorch(builtMinors(packageRoot));
const env = { TORCH_TL_LIBTORCH: libtorch.root };

/** As the package's own: the loader beside package.json, the engine below the LibTorch it is for. */
const CMAKE = `cmake_minimum_required(VERSION 3.20)
project(small LANGUAGES CXX)
foreach(name torch-tl-loader torch-tl-engine)
  add_library(\${name} MODULE native/small.cc)
  set_target_properties(\${name} PROPERTIES PREFIX "" SUFFIX ".node")
endforeach()
set_target_properties(torch-tl-loader PROPERTIES LIBRARY_OUTPUT_DIRECTORY "\${CMAKE_CURRENT_SOURCE_DIR}/build/Release")
`;

describe('torch-tl build', () => {
  test('builds, then only what is stale, and shows what the compiler says', async () => {
    const root = await smallPackage();
    const build = (...args: string[]) => {
      const command = [join(root, 'bin', 'torch-tl.js'), 'build', ...args];
      const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const;
      const { status: code, stdout, stderr } = spawnSync(process.execPath, command, options);
      return { code, stdout, stderr };
    };

    const first = build('--if-stale');
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(first.stderr).toMatch(/^Building the engine for LibTorch .*\nThe engine is built, in \d+ s\.\n$/);
    const engine = join(root, `libtorch-${libtorch.minor}`, 'build', 'Release', 'torch-tl-engine.node');
    const loader = join(root, 'build', 'Release', 'torch-tl-loader.node');
    expect([engine, loader].every(existsSync)).toBe(true);

    expect(build('--if-stale')).toEqual({ code: 0, stdout: '', stderr: '' });

    rmSync(loader);
    build('--if-stale');
    expect(existsSync(loader)).toBe(true);

    writeTree(root, { 'native/small.cc': 'int broken() { return }\n' });
    const broken = build('--if-stale');
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain('int broken() { return }');
    expect(broken.stderr).toMatch(/error: The engine could not be built: see above .*\n$/);

    writeTree(root, { 'native/small.cc': 'int repaired() { return 1; }\n' });
    expect(build('--if-stale', '--verbose').stderr).toContain('small.cc');
    expect(build('--if-stale').stderr).toBe('');
  });

  test('names the tools that are missing, and how to get them', async () => {
    const empty = temporaryDirectory();
    const { code, stderr } = await torchTl(['build'], { cwd: empty, env: { ...env, PATH: empty } });
    expect(code).toBe(1);
    expect(stderr).toContain('not found on PATH: CMake, a C++20 compiler (g++ or clang++), Ninja or make;');
    if (process.platform === 'linux') expect(stderr).toContain('sudo apt-get install g++ cmake ninja-build');
  });

  test('refuses a TORCH_TL_LIBTORCH that is none, rather than take another', async () => {
    const { code, stderr } = await torchTl(['build'], {
      cwd: temporaryDirectory(),
      env: { TORCH_TL_LIBTORCH: '/no/such/directory' },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'TORCH_TL_LIBTORCH names /no/such/directory, which cannot be built against: there is no such directory.',
    );
  });

  /** This package with sources that compile at once. */
  async function smallPackage(): Promise<string> {
    await torchTl(['--version'], { cwd: packageRoot });
    const root = temporaryDirectory();
    for (const name of ['bin', 'dist', 'package.json']) {
      cpSync(join(packageRoot, name), join(root, name), { recursive: true });
    }
    symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
    return writeTree(root, { 'CMakeLists.txt': CMAKE, 'native/small.cc': 'int small() { return 0; }\n' });
  }
});
