import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { RED, writeImages } from '../support/images.ts';
import { writeRun } from '../support/run-files.ts';
import { savedModel } from '../support/saved-model.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Ended, processOf, torchTlProcess } from './torch-tl.ts';

const SMALL = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];
const RUN = ['run', 'finetune', ...SMALL, '--epochs', '1', '--out', 'run'];
const EMBEDDED = join(packageRoot, 'assets', 'densenet121-tiny-imagenet-distilled.safetensors');
const LOST = /^error: Cannot write all of the output to stdout: no space is left on the disk.*\n$/;

/** Calls `torch-tl` with its output sent elsewhere, such as `>/dev/full`. */
function redirected(redirection: string, args: string[], cwd: string): Promise<Ended> {
  const command = [process.execPath, join(packageRoot, 'bin', 'torch-tl.js'), ...args];
  return processOf('sh', ['-c', `"$@" ${redirection}`, 'sh', ...command], { cwd });
}

/** A working directory with a model, two classes of images and a run. */
async function workplace(): Promise<{ cwd: string; model: string }> {
  const cwd = temporaryDirectory();
  await writeImages(join(cwd, 'images'), {
    ...{ 'bird/1.png': RED, 'bird/2.png': RED },
    ...{ 'cat/1.png': RED, 'cat/2.png': RED },
  });
  writeRun(join(cwd, 'earlier'));
  return { cwd, model: await savedModel() };
}

// In a process, since what libraries print does not go through JavaScript's streams.
test.each([
  [['describe', 'base', '--image-size', '64']],
  [['run', 'finetune', ...SMALL.slice(0, -1), '64', '--epochs', '1', '--out', 'run']],
])('%s lets no library print warnings', async (args) => {
  const { code, stderr } = await torchTlProcess(args, { cwd: temporaryDirectory() });
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/\[W|NNPACK/);
});

describe.skipIf(!existsSync('/dev/full'))('where stdout is on a full disk', () => {
  test.each<[string, (model: string) => string[]]>([
    ['nothing', () => []],
    ['--help', () => ['--help']],
    ['--version', () => ['--version']],
    ['describe', () => ['describe', 'finetune', '--image-size', '32']],
    ['weights list', () => ['weights', 'list']],
    ['weights inspect', () => ['weights', 'inspect', EMBEDDED]],
    ['predict', (model) => ['predict', '--weights', model, 'images/bird/1.png']],
    ['evaluate', (model) => ['evaluate', '--weights', model, 'images']],
    ['lr-find', () => ['lr-find', ...SMALL.slice(0, 4), '--image-size', '32', '--steps', '10']],
    ['doctor', () => ['doctor']],
    ['libtorch status', () => ['libtorch', 'status', '--json']],
    ['report --json', () => ['report', 'earlier', '--json']],
    ['run --json', () => [...RUN, '--json']],
  ])('%s says that its output is lost, and exits 1', async (_, argsFor) => {
    const { cwd, model } = await workplace();
    const { code, stderr } = await redirected('>/dev/full', argsFor(model), cwd);
    const errors = stderr.split(/^(?=error: )/m).slice(-1)[0] as string;
    expect(errors).toMatch(LOST);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(1);
  });

  test.each<[string, (model: string) => string[], string]>([
    ['run', () => RUN, 'run/results.json'],
    ['report', () => ['report', 'earlier'], 'earlier/report.html'],
    ['export', (model) => ['export', '--weights', model, '--out', 'model.pth'], 'model.pth'],
    [
      'features',
      () => ['features', '--data', 'images', '--image-size', '32', '--out', 'f.safetensors'],
      'f.safetensors',
    ],
  ])('%s warns once, does its work and exits 0', async (_, argsFor, product) => {
    const { cwd, model } = await workplace();
    const { code, stderr } = await redirected('>/dev/full', argsFor(model), cwd);
    expect(stderr).toMatch(
      /^Warning: cannot write to stdout: no space is left on the disk.* The command continues\.\n$/,
    );
    expect(code).toBe(0);
    expect(statSync(join(cwd, product)).size).toBeGreaterThan(0);
  });

  test.each<[string, (model: string) => string[]]>([
    ['run', () => RUN],
    ['run --json', () => [...RUN, '--json']],
    ['evaluate', (model) => ['evaluate', '--weights', model, 'images', '--json']],
  ])('%s does not mind a full disk behind stderr', async (_, argsFor) => {
    const { cwd, model } = await workplace();
    const { code, stdout } = await redirected('2>/dev/full', argsFor(model), cwd);
    expect(stdout).not.toBe('');
    expect(code).toBe(0);
  });

  test('wrong use exits 2 where it can say nothing', async () => {
    const { cwd } = await workplace();
    expect(await redirected('>/dev/full 2>/dev/full', ['run', 'fine'], cwd)).toMatchObject({ code: 2 });
  });
});

test.skipIf(!canMount)('a disk that takes a part of the output is told of', async () => {
  const file = join(smallDisk(), 'tensors.json');
  const { code, stderr } = await redirected(
    `>${file}`,
    ['weights', 'inspect', EMBEDDED, '--json'],
    packageRoot,
  );
  expect(stderr).toMatch(LOST);
  expect(code).toBe(1);
  expect(readFileSync(file).length).toBeGreaterThan(0);
});
