/*
 * Builds the binaries of the package for this platform: the loader, and an engine for each minor version of LibTorch on
 * this machine. `npm run prebuild` compiles dist first and then runs this script.
 *
 *   node scripts/prebuild.js [--libtorch DIR]...
 *
 * DIR is a LibTorch to build against. By default, torch-tl's search finds one for each minor version. Exits with 1 if a
 * build fails or nothing is built.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import prebuildify from 'prebuildify';
import { findLibTorch, inspectLibTorch } from '../dist/libtorch/locate.js';
import { SUPPORTED_MINORS } from '../dist/libtorch/version.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const platform = `${process.platform}-${process.arch}`;
const engineDirectory = (minor) => join(root, `libtorch-${minor}`);

function findLibTorches() {
  const { values } = parseArgs({ options: { libtorch: { type: 'string', multiple: true, default: [] } } });
  const found =
    values.libtorch.length > 0
      ? values.libtorch.map(inspectNamed)
      : SUPPORTED_MINORS.map((minor) => findLibTorch([minor])).filter((libtorch) => libtorch !== null);
  const minors = found.map(({ minor }) => minor);
  const twice = minors.find((minor, index) => minors.indexOf(minor) < index);
  if (twice)
    throw new Error(`Two of the directories hold a LibTorch ${twice}; name one for each minor version.`);
  return found;
}

function inspectNamed(directory) {
  const { libtorch, reason } = inspectLibTorch(resolve(directory), SUPPORTED_MINORS);
  if (libtorch === null) throw new Error(`--libtorch ${directory}: ${reason}.`);
  return libtorch;
}

/**
 * Builds an engine from scratch, so that no settings of an earlier build remain. Returns whether the build succeeded.
 */
async function prebuildEngine(libtorch) {
  const directory = engineDirectory(libtorch.minor);
  rmSync(join(directory, 'build'), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [join(root, 'bin', 'torch-tl.js'), 'build'], {
    env: { ...process.env, TORCH_TL_LIBTORCH: libtorch.root },
    stdio: 'inherit',
  });
  if (status !== 0) return false;
  await pack(directory);
  return true;
}

/** Strips the addon in `directory`/build/Release and moves it to the place where node-gyp-build looks for prebuilds. */
function pack(directory) {
  return promisify(prebuildify)({
    cwd: directory,
    name: 'torch-tl',
    napi: true,
    tagLibc: true,
    strip: true,
    // Keeps prebuildify from running node-gyp: CMake has already built the addon.
    nodeGyp: 'true',
  });
}

/** A line about the missing CUDA library of an engine; no line if there is one. */
function missingCudaLibrary({ minor, cuda, root: libtorch }) {
  if (existsSync(join(engineDirectory(minor), 'prebuilds', platform, 'torch-tl-cuda.so'))) return [];
  const why =
    cuda === null
      ? `${libtorch} is a CPU build`
      : 'the headers of a CUDA toolkit were not found; set CUDA_HOME=DIR';
  return [`the CUDA library for LibTorch ${minor}: ${why}`];
}

/** Paths of all prebuilds of this platform in the package. */
function prebuilds() {
  const parents = ['.', ...readdirSync(root).filter((name) => name.startsWith('libtorch-'))];
  return parents
    .map((parent) => join(parent, 'prebuilds', platform))
    .filter((directory) => existsSync(join(root, directory)))
    .flatMap((directory) => readdirSync(join(root, directory)).map((name) => join(directory, name)));
}

const found = findLibTorches();
const minors = found.map(({ minor }) => minor);
const notMade = SUPPORTED_MINORS.filter((minor) => !minors.includes(minor)).map(
  (minor) =>
    `the engine for LibTorch ${minor}: LibTorch ${minor} was not found; name one with --libtorch DIR`,
);
for (const file of prebuilds()) rmSync(join(root, file));

for (const libtorch of found) {
  if (await prebuildEngine(libtorch)) {
    notMade.push(...missingCudaLibrary(libtorch));
  } else {
    notMade.push(`the engine for LibTorch ${libtorch.minor}: its build failed (see above)`);
    process.exitCode = 1;
  }
}
if (prebuilds().length > 0) await pack(root);

const made = prebuilds();
console.log(`Built for ${platform}:`);
for (const file of made) console.log(`  ${file}  ${Math.round(statSync(join(root, file)).size / 1000)} kB`);
if (notMade.length > 0) console.log(`Not built:\n${notMade.map((line) => `  ${line}`).join('\n')}`);
if (made.length === 0) {
  console.error('Nothing was built.');
  process.exitCode = 1;
}
