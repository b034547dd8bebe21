// Checks the C and C++ sources with clang-format and clang-tidy; `--fix` formats them instead.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['native', join('test', 'native'), join('test', 'faults'), join('scripts', 'backbone')];
const sources = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(c|cc|h|cu|cuh)$/.test(name))
    .map((name) => join(folder, name)),
);

// The engine is compiled with GCC's OpenMP, whose header clang need not have.
// A build that compiles several sources as one includes them in a file of its own.
const TIDY = ['clang-tidy', '--quiet', '--extra-arg=-fno-openmp', '--checks=-bugprone-suspicious-include'];

function run(command, args, input = '') {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    input,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  if (error)
    throw new Error(`${command} cannot be run: ${error.message}. Install clang-format and clang-tidy.`);
  if (status !== 0) process.exit(1);
}

if (process.argv.includes('--fix')) {
  run('clang-format', ['-i', ...sources]);
} else {
  run('clang-format', ['--dry-run', '--Werror', ...sources]);
  const build = readdirSync(root)
    .map((name) => join(root, name, 'build'))
    .find((directory) => existsSync(join(directory, 'compile_commands.json')));
  if (!build) throw new Error('clang-tidy needs a build: run `npm run compile` first.');
  // Without CUDA, native/cuda is not compiled. One clang-tidy per core, since LibTorch's headers take each some
  // seconds. clang's analyzer follows the paths of functions only in files that are compiled on their own:
  // CONTRIBUTING.md says how.
  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
  const files = [...new Set(commands.map(({ file }) => file))].join('\n');
  run('xargs', ['-n', '1', '-P', String(availableParallelism()), ...TIDY, '-p', build], files);
}
