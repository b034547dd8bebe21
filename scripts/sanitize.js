// Builds with sanitizers under build/, and runs what they watch:
//
//   npm run test:asan [-- ARGUMENTS OF VITEST]   the tests, over an engine with AddressSanitizer and
//                                                UndefinedBehaviorSanitizer, in a copy of this checkout
//   npm run test:tsan                            what crosses threads, in C++ alone, under ThreadSanitizer
//
// Needs what `npm ci` has built, and clang with libomp-dev for ThreadSanitizer.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { engine, libtorch } = builtEngine();

/** The newest built engine's directory, such as `libtorch-2.13`, and the LibTorch that it was built for. */
function builtEngine() {
  const engines = readdirSync(root).filter((name) => existsSync(join(root, name, 'build', 'CMakeCache.txt')));
  const engine = engines.filter((name) => name.startsWith('libtorch-')).at(-1);
  if (!engine) throw new Error('There is no engine to build again with sanitizers: run `npm ci` first.');
  const cache = readFileSync(join(root, engine, 'build', 'CMakeCache.txt'), 'utf8');
  return { engine, libtorch: /^TORCH_TL_LIBTORCH:PATH=(.+)$/m.exec(cache)[1] };
}

function run(command, args, { cwd = root, env = {} } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  if (error) throw new Error(`${command} cannot be run: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** Compiles a target, or all. Optimised a little, since nobody waits for kernels of -O0. */
function build(source, directory, settings, target) {
  const given = {
    CMAKE_BUILD_TYPE: 'None',
    CMAKE_CXX_FLAGS: '-O1 -g',
    TORCH_TL_LIBTORCH: libtorch,
    ...settings,
  };
  const definitions = Object.entries(given).map(([name, value]) => `-D${name}=${value}`);
  run('cmake', ['-S', source, '-B', directory, '-G', 'Ninja', ...definitions]);
  run('cmake', ['--build', directory, ...(target ? ['--target', target] : [])]);
}

/** A copy, whose engine does not replace the one of this checkout. Files keep their times, so that only changes compile. */
function copyCheckout(to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(to)) {
    if (name !== 'build' && name !== engine) rmSync(join(to, name), { recursive: true });
  }
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root });
  for (const name of listed.toString().split('\0').filter(Boolean)) {
    if (!existsSync(join(root, name))) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    cpSync(join(root, name), join(to, name), { preserveTimestamps: true });
  }
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'));
}

function testAddresses(args) {
  const copy = join(root, 'build', 'address');
  copyCheckout(copy);
  build(copy, join(copy, engine, 'build'), {
    CMAKE_JS_INC: createRequire(import.meta.url)('node-api-headers').include_dir,
    TORCH_TL_SANITIZE: 'address,undefined',
  });
  run(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
    cwd: copy,
    env: {
      LD_PRELOAD: execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
      // Node.js itself does not free everything at its end. LibTorch is not instrumented, so that vectors that it
      // changes look as if they had been written past their ends.
      ASAN_OPTIONS: 'detect_leaks=0:detect_container_overflow=0',
      UBSAN_OPTIONS: 'print_stacktrace=1',
      TORCH_TL_LIBTORCH: libtorch,
    },
  });
}

function testThreads() {
  const directory = join(root, 'build', 'thread');
  // Clang, for its OpenMP tells ThreadSanitizer which thread waits for which (libarcher); GCC's does not.
  build(root, directory, { CMAKE_CXX_COMPILER: 'clang++', TORCH_TL_SANITIZE: 'thread' }, 'check-threads');
  // ThreadSanitizer needs the address space as it was before Linux 6.6 made it more random.
  run('setarch', ['--addr-no-randomize', join(directory, 'check-threads')], {
    env: {
      LD_LIBRARY_PATH: join(libtorch, 'lib'),
      OMP_TOOL_LIBRARIES: 'libarcher.so',
      // LibTorch is not instrumented: how its threads wait for each other is not seen.
      TSAN_OPTIONS: 'ignore_noninstrumented_modules=1',
    },
  });
}

const [what, ...args] = process.argv.slice(2);
if (what === 'address') testAddresses(args);
else if (what === 'thread') testThreads();
else throw new Error('usage: node scripts/sanitize.js address|thread [ARGUMENTS OF VITEST]');
