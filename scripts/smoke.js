/*
 * Tests a packed tarball as users would use it: installs it into an empty folder without scripts, and runs it on
 * several versions of Node.js, which are installed from the npm registry. LibTorch is found in the usual order,
 * TORCH_TL_LIBTORCH first.
 *
 *   node scripts/smoke.js TARBALL [MAJOR...]
 *
 * MAJOR is a major version of Node.js; by default, the Node.js that runs this script.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

const SMALL = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];

const EXITS_EARLY = `
  import { Dataset, DenseNet121 } from 'torch-tl';
  const { train, valid } = await Dataset.cifar10('sample', { train: 20, valid: 10 });
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 32 });
  const onBatch = () => {
    console.log('exits while a training runs');
    process.exit(0);
  };
  await model.fit(train, { valid, epochs: 1_000_000, earlyStoppingPatience: 'off', onBatch }).result;
`;

/** The commands to run on each Node.js, and patterns that their output must match. The examples are in the package. */
const STEPS = [
  ['npx', ['--no-install', 'torch-tl', 'doctor'], /^Engine +built for LibTorch/m],
  [
    'npx',
    ['--no-install', 'torch-tl', 'run', 'finetune', ...SMALL, '--epochs', '1'],
    /^validation accuracy/m,
  ],
  ['node', ['examples/commonjs.cjs'], /^epoch \d+, validation accuracy/m],
  ['node', ['examples/worker.js'], /^the worker has ended$/m],
  ['node', ['exits-early.mjs'], /^exits while a training runs\n$/],
];

function run(command, args, { cwd, env = process.env }) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (error) throw error;
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? status}:\n${stdout}${stderr}`);
}

function write(directory, name, content) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
}

function install(tarball, folder) {
  write(folder, 'package.json', { private: true, dependencies: { 'torch-tl': `file:${resolve(tarball)}` } });
  run('npm', ['install', '--package-lock-only'], { cwd: folder });
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const scripted = Object.keys(packages).filter((name) => packages[name].hasInstallScript);
  if (scripted.length > 0) throw new Error(`These have install scripts: ${scripted.join(', ')}`);
  run('npm', ['ci', '--ignore-scripts'], { cwd: folder });
  cpSync(join(folder, 'node_modules', 'torch-tl', 'examples'), join(folder, 'examples'), { recursive: true });
  write(folder, 'exits-early.mjs', EXITS_EARLY);
}

/** Installs a Node.js from the package that the npm package `node` downloads in its install script. */
function installNode(major, folder) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  write(folder, 'package.json', { private: true, dependencies: { [name]: major } });
  run('npm', ['install', '--ignore-scripts'], { cwd: folder });
  return join(folder, 'node_modules', name, 'bin');
}

function use(folder, nodeDirectory) {
  const PATH = `${nodeDirectory}${delimiter}${process.env.PATH}`;
  const options = { cwd: folder, env: { ...process.env, PATH, PREBUILDS_ONLY: '1' } };
  console.log(`\n=== Node ${run('node', ['--version'], options).trim()}`);
  for (const [command, args, expected] of STEPS) {
    console.log(`$ ${command} ${args.join(' ')}`);
    const printed = run(command, args, options);
    console.log(printed);
    if (!expected.test(printed)) throw new Error(`The output does not match ${expected}`);
  }
}

const [tarball, ...majors] = process.argv.slice(2);
if (tarball === undefined) throw new Error('Usage: node scripts/smoke.js TARBALL [MAJOR...]');
const temporary = mkdtempSync(join(tmpdir(), 'torch-tl-smoke-'));
try {
  const folder = join(temporary, 'project');
  install(tarball, folder);
  if (majors.length === 0) use(folder, dirname(process.execPath));
  for (const major of majors) use(folder, installNode(major, join(temporary, `node-${major}`)));
  console.log('All steps passed.');
} finally {
  rmSync(temporary, { recursive: true });
}
