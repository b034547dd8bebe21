/*
 * Makes the tarball of a release: builds the prebuilds, dates the changelog, packs and checks. Publishes nothing;
 * docs/releasing.md describes the steps before and after.
 *
 *   node scripts/release.js [--libtorch DIR]...
 *
 * The version is that of package.json. Arguments are passed to scripts/prebuild.js.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { datedChangelog } from './changelog.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const changelog = fileURLToPath(new URL('../CHANGELOG.md', import.meta.url));

function run(command, ...args) {
  execFileSync(command, args, { cwd: root, stdio: 'inherit' });
}

function output(command, ...args) {
  return execFileSync(command, args, { cwd: root, encoding: 'utf8' }).trim();
}

const changes = output('git', 'status', '--porcelain');
if (changes)
  throw new Error(`A release needs a clean working tree. Commit or undo these changes:\n${changes}`);

const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const today = new Date().toISOString().slice(0, 10);
const dated = datedChangelog(readFileSync(changelog, 'utf8'), version, today);

run('npm', 'run', 'prebuild', '--', ...process.argv.slice(2));
writeFileSync(changelog, dated);
// The package's scripts would build for this machine only.
run('npm', 'pack', '--ignore-scripts');
const tarball = `${name}-${version}.tgz`;
run(process.execPath, 'scripts/check-package.js', tarball);
run('npm', 'exec', '--yes', '--', 'publint', tarball);
// CommonJS loads the ES module through require(esm), which every Node.js in `engines` supports.
run('npm', 'exec', '--yes', '--', '@arethetypeswrong/cli', '--profile', 'esm-only', tarball);
run(process.execPath, 'scripts/smoke.js', tarball);

console.log(`${tarball} is ready. Next: git commit -am "Release ${version}" && git tag v${version}`);
