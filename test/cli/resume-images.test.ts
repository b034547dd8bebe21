import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashesIn } from '../support/file-hashes.ts';
import { BLUE, GREEN, RED, writeImages } from '../support/images.ts';
import { lastingDirectory, shared, temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/*
 * Runs that are resumed where their images have moved, or are no longer the same.
 */

const QUICK = ['--image-size', '32', '--epochs', '2'];

/** A directory with `colours/<class>/*` and a run over them that has ended. */
const ended = shared(async () => {
  const cwd = lastingDirectory();
  const names = ['blue', 'red'].flatMap((name) => [0, 1, 2, 3, 4].map((number) => `${name}/${number}.png`));
  await writeImages(
    join(cwd, 'colours'),
    Object.fromEntries(names.map((name) => [name, name.startsWith('red') ? RED : BLUE])),
  );
  expect(await torchTl(['train', 'colours', ...QUICK, '--out', 'run'], { cwd })).toMatchObject({ code: 0 });
  return cwd;
});

/** A copy of it whose images lie in `moved`, one of them in another colour if so wished. */
async function moved({ isOther = false } = {}): Promise<string> {
  const cwd = temporaryDirectory();
  cpSync(await ended(), cwd, { recursive: true });
  renameSync(join(cwd, 'colours'), join(cwd, 'moved'));
  const config = join(cwd, 'run', 'config.json');
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(await ended(), cwd));
  if (isOther) await writeImages(join(cwd, 'moved'), { 'red/3.png': GREEN });
  return cwd;
}

const RESUME = ['train', '--resume', '--out', 'run'];

const dataIn = (cwd: string) =>
  JSON.parse(readFileSync(join(cwd, 'run', 'config.json'), 'utf8')).options.data;

describe('a run whose images have moved', () => {
  test('goes on with them, and finds them by itself from then on', async () => {
    const cwd = await moved();
    const first = await torchTl([...RESUME, '--epochs', '3', '--data', 'moved'], { cwd });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('Resuming after epoch 2');
    expect(dataIn(cwd)).toBe(join(cwd, 'moved'));
    const second = await torchTl([...RESUME, '--epochs', '4'], { cwd });
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toContain('Resuming after epoch 3');
  });

  test('and that has ended is finished still', async () => {
    const cwd = await moved();
    const before = hashesIn(join(cwd, 'run'));
    const { code, stdout } = await torchTl([...RESUME, 'moved'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain(`The run in ${join(cwd, 'run')} is finished`);
    expect(hashesIn(join(cwd, 'run'))).toEqual(before);
  });

  test.each<[string, string[], (run: string) => void]>([
    ['has epochs left', ['--epochs', '3'], () => {}],
    ['has ended', [], () => {}],
    [
      'has no checkpoint yet',
      [],
      (run) => ['checkpoint', 'results.json'].map((name) => rmSync(join(run, name), { recursive: true })),
    ],
  ])('goes on with no others, where it %s', async (_, args, prepare) => {
    const cwd = await moved({ isOther: true });
    prepare(join(cwd, 'run'));
    const before = hashesIn(join(cwd, 'run'));
    const { code, stderr } = await torchTl([...RESUME, '--data', 'moved', ...args], { cwd });
    const message = `Cannot resume from ${join(cwd, 'run')}: the images differ`;
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(hashesIn(join(cwd, 'run'))).toEqual(before);
  });

  test('is not taken from another place if it has no list of them', async () => {
    const cwd = await moved();
    const file = join(cwd, 'run', 'config.json');
    const { dataset, ...config } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...config, dataset: { ...dataset, manifest: null } }));
    const { code, stderr } = await torchTl([...RESUME, '--epochs', '3', '--data', 'moved'], { cwd });
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/its --data was ".*colours" and is now ".*moved"/),
    ]);
  });
});

describe('runs that stand beside each other', () => {
  test.each<[string, string, string[]]>([
    ['of several seeds', 'seed-0', ['train', '--seeds', '2']],
    ['of run all', 'finetune', ['run', 'all']],
  ])('%s go on only if those that have ended had the same images', async (_, place, command) => {
    const cwd = temporaryDirectory();
    cpSync(join(await ended(), 'colours'), join(cwd, 'colours'), { recursive: true });
    const one = command[0] === 'run' ? ['run', place] : ['train'];
    const call = [...one, '--data', 'colours', ...QUICK, '--out', join('runs', place)];
    expect(await torchTl(call, { cwd })).toMatchObject({ code: 0 });
    await writeImages(join(cwd, 'colours'), { 'red/3.png': GREEN });
    const before = hashesIn(join(cwd, 'runs'));
    const { code, stderr } = await torchTl([...command, '--resume', '--out', 'runs'], { cwd });
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`Cannot resume from ${join(cwd, 'runs', place)}: the images differ`),
    ]);
    expect(hashesIn(join(cwd, 'runs'))).toEqual(before);
  });

  test('are left as they are if all have ended, without a look at the images', async () => {
    const cwd = temporaryDirectory();
    cpSync(join(await ended(), 'colours'), join(cwd, 'colours'), { recursive: true });
    const call = ['train', 'colours', ...QUICK, '--seeds', '2', '--out', 'runs'];
    expect(await torchTl(call, { cwd })).toMatchObject({ code: 0 });
    rmSync(join(cwd, 'colours'), { recursive: true });
    const { code, stdout } = await torchTl(['train', '--seeds', '2', '--resume', '--out', 'runs'], { cwd });
    expect(code).toBe(0);
    expect(stdout.match(/The run in .* is finished/g)).toHaveLength(2);
  });
});
