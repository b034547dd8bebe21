/*
 * Checks the package before it is published: it must be complete, run nothing on installation, and contain no paths of
 * the machine that built it. Prints the libraries and versions that its binaries need. Lists all faults and exits with
 * 1 if there are any.
 *
 *   node scripts/check-package.js TARBALL|DIRECTORY
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { extract } from 'tar';

const MAX_MEGABYTES = 60;

/** Versions on the oldest supported systems: Red Hat Enterprise Linux 9, Ubuntu 22.04, Debian 12. */
const NEWEST_ALLOWED = { GLIBC: '2.34', GLIBCXX: '3.4.29', CXXABI: '1.3.13' };

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];

const PLATFORM = '(?:darwin|linux|win32)-(?:arm64|x64)';
const LOADER = new RegExp(`^prebuilds/${PLATFORM}/torch-tl\\.glibc\\.node$`);
const ENGINE = new RegExp(`^libtorch-\\d+\\.\\d+/prebuilds/${PLATFORM}/torch-tl\\.glibc\\.node$`);
const CUDA_LIBRARY = /^libtorch-\d+\.\d+\/prebuilds\/linux-(?:arm64|x64)\/torch-tl-(?:cuda|nccl)\.so$/;
const GLOO_LIBRARY = new RegExp(`^libtorch-\\d+\\.\\d+/prebuilds/${PLATFORM}/torch-tl-gloo\\.so$`);
const BINARIES = [LOADER, ENGINE, CUDA_LIBRARY, GLOO_LIBRARY];

/** The only folders, besides those of the binaries, that the package may contain. */
const FOLDERS = ['assets', 'bin', 'dist', 'docs', 'examples', 'native'];
const ROOT_FILES = ['CHANGELOG.md', 'CMakeLists.txt', 'LICENSE', 'README.md', 'package.json'];
const NEEDED = [...ROOT_FILES, 'assets/README.md', 'bin/torch-tl.js', 'dist/index.d.ts', 'dist/index.js'];

function checkFiles(files) {
  const faults = NEEDED.filter((file) => !files.includes(file)).map((file) => `${file} is missing`);
  if (!files.some((file) => ENGINE.test(file))) faults.push('no engine was prebuilt');
  for (const file of files.filter((name) => ENGINE.test(name))) {
    const loader = file.slice(file.indexOf('/') + 1);
    if (!files.includes(loader)) faults.push(`${loader}, which ${file} needs, is missing`);
  }
  for (const file of files) {
    if (BINARIES.some((binary) => binary.test(file)) || ROOT_FILES.includes(file)) continue;
    if (!FOLDERS.includes(file.split('/')[0])) faults.push(`${file} does not belong in the package`);
    else if (/\.(?:a|dll|dylib|lib|node|so)(?:\.\d+)*$/.test(file))
      faults.push(`${file} is a foreign library`);
    else if (/(?:^|[./])test(?:s|\.[jt]s$|\/)/.test(file)) faults.push(`${file} is a test`);
  }
  return faults;
}

function checkManifest(directory) {
  const { scripts = {}, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return [
    ...INSTALL_SCRIPTS.filter((name) => scripts[name]).map((name) => `package.json has the script ${name}`),
    ...(license ? [] : ['package.json names no license']),
  ];
}

/** assets/README.md has to state the origin and terms of every asset. */
function checkAssets(directory, files) {
  const readme = join(directory, 'assets', 'README.md');
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
  const assets = new Set(
    files.filter((file) => file.startsWith('assets/')).map((file) => file.split('/')[1]),
  );
  assets.delete('README.md');
  return [...assets]
    .filter((asset) => !text.includes(`## ${asset}\n`))
    .map((asset) => `assets/README.md does not state the origin and terms of ${asset}`);
}

function readElf(path) {
  const text = execFileSync('readelf', ['--wide', '--dynamic', '--version-info', path], { encoding: 'utf8' });
  const all = (pattern) => [...new Set([...text.matchAll(pattern)].map(([, value]) => value))];
  return {
    needed: all(/\(NEEDED\).*\[(.*)\]/g),
    runPaths: all(/\((?:RPATH|RUNPATH)\).*\[(.*)\]/g),
    versions: all(/Name: ((?:GLIBC|GLIBCXX|CXXABI)_[\d.]+)/g),
  };
}

function isNewer(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) > 0;
}

/** The newest version that is needed of each system library. */
function newestOf(versions) {
  const newest = {};
  for (const [library, version] of versions.map((name) => name.split('_')))
    if (!newest[library] || isNewer(version, newest[library])) newest[library] = version;
  return newest;
}

/** Absolute paths in a binary, except those under /proc, /sys and /dev. */
function pathsIn(path) {
  const text = readFileSync(path, 'latin1');
  const paths = text.match(/(?<![\w.~-])\/(?!proc\/|sys\/|dev\/)[\w.+-]+\/[\w.+/-]+/g) ?? [];
  return [...new Set(paths)];
}

function checkBinary(directory, file) {
  const path = join(directory, file);
  const { needed, runPaths, versions } = readElf(path);
  const newest = newestOf(versions);
  const size = Math.round(statSync(path).size / 1000);
  const versionsNeeded = Object.entries(newest).map(([library, version]) => `${library} ${version}`);
  console.log(`${file}: ${size} kB; needs ${[...needed, ...versionsNeeded].join(', ')}`);
  return [
    ...runPaths.map((runPath) => `${file} has a run path: ${runPath}`),
    ...needed.filter((name) => name.includes('/')).map((name) => `${file} needs ${name} by its path`),
    ...Object.entries(newest)
      .filter(([library, version]) => isNewer(version, NEWEST_ALLOWED[library]))
      .map(([library, version]) => `${file} needs ${library} ${version}: at most ${NEWEST_ALLOWED[library]}`),
    ...pathsIn(path).map((found) => `${file} contains the path ${found}`),
  ];
}

function checkDirectory(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
  const elves = files.filter(
    (file) => BINARIES.some((binary) => binary.test(file)) && file.includes('/linux-'),
  );
  return [
    ...checkFiles(files),
    ...(files.includes('package.json') ? checkManifest(directory) : []),
    ...checkAssets(directory, files),
    ...elves.flatMap((file) => checkBinary(directory, file)),
  ];
}

async function checkTarball(tarball) {
  const directory = mkdtempSync(join(tmpdir(), 'torch-tl-package-'));
  try {
    await extract({ file: tarball, cwd: directory });
    const megabytes = statSync(tarball).size / 1e6;
    console.log(`${tarball}: ${megabytes.toFixed(1)} MB`);
    const tooLarge = megabytes > MAX_MEGABYTES ? [`the tarball is larger than ${MAX_MEGABYTES} MB`] : [];
    return [...tooLarge, ...checkDirectory(join(directory, 'package'))];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('Usage: node scripts/check-package.js TARBALL|DIRECTORY');
const faults = statSync(target).isDirectory() ? checkDirectory(target) : await checkTarball(target);
for (const fault of faults) console.error(`fault: ${fault}`);
if (faults.length > 0) process.exitCode = 1;
else console.log('No faults.');
