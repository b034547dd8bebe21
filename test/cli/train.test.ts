import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import { BLUE, type Colour, GREEN, RED, writeImages } from '../support/images.ts';
import { writeRun } from '../support/run-files.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const CLASSES: Record<string, Colour> = { blue: BLUE, green: GREEN, red: RED };
const QUICK = ['--image-size', '32', '--epochs', '2', '--out', 'run'];

/** So many images of each class under a directory. */
async function writeClasses(directory: string, count: number): Promise<void> {
  const images = Object.entries(CLASSES).flatMap(([name, colour]) =>
    Array.from({ length: count }, (_, index) => [join(name, `${index}.png`), colour] as const),
  );
  await writeImages(directory, Object.fromEntries(images));
}

/** A working directory with `colours/<class>/*`. */
async function colours(count = 5): Promise<string> {
  const cwd = temporaryDirectory();
  await writeClasses(join(cwd, 'colours'), count);
  return cwd;
}

const train = (cwd: string, ...args: string[]) => torchTl(['train', '--data', 'colours', ...args], { cwd });

describe('torch-tl train', () => {
  test('trains a classifier of class folders, a fifth of each held out', async () => {
    const cwd = await colours();
    const { code, stdout, stderr } = await train(cwd, ...QUICK);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(
      'Chosen: --recipe head, --schedule cosine, --augmentation none ' +
        '(under 1,000 training images: the head alone, over features that are computed once)',
    );
    expect(lines[1]).toMatch(/^Warning: the embedded backbone .* is weak\. .*--weights imagenet/);
    expect(lines[2]).toMatch(/^decoding of 15 images {2}/);
    expect(lines[3]).toMatch(/^Images: 15 decoded, 0 found in the cache .*pixels$/);
    expect(lines[4]).toBe(
      `Data: colours (${join(cwd, 'colours')}), 12 training and 3 validation images ` +
        '(a fifth of each class, drawn with seed 0)',
    );
    expect(lines.slice(5, 9)).toEqual([
      'Classes: 3 (training + validation images): blue 4+1, green 4+1, red 4+1',
      "Warning: Every class has fewer than 10 validation images ('blue' 1, 'green' 1, 'red' 1); their accuracy is unreliable.",
      expect.stringMatching(/^Warning: 3 of 3 validation images are exact twins of training images \(/),
      expect.stringMatching(/^Model: /),
    ]);
    const results = resultsIn(join(cwd, 'run'));
    expect(results.warnings).toEqual([
      { kind: 'few-validation-images', message: expect.stringContaining("'red' 1") },
      { kind: 'twins-across-parts', message: expect.stringContaining('3 of 3 validation images') },
    ]);
    expect(results).toMatchObject({
      experiment: 'train',
      classes: ['blue', 'green', 'red'],
      dataset: {
        name: 'colours',
        train: 12,
        valid: 3,
        validation: 'a fifth of each class, drawn with seed 0',
        classCounts: ['blue', 'green', 'red'].map((name) => ({ name, train: 4, valid: 1 })),
      },
      stoppedBecause: 'epochs',
    });
    expect(stdout).toMatch(/^best epoch +\d of 2$/m);

    const model = await DenseNet121.load(join(cwd, 'run', 'best.safetensors'));
    expect(model.classes).toEqual(['blue', 'green', 'red']);
    const [answer] = await model.predict(join(cwd, 'colours', 'red', '0.png'));
    expect(answer?.probabilities).toHaveLength(3);
    model.dispose();
  });

  test('decides by the number of images what is not given', async () => {
    const cwd = await colours(3);
    const { code, stdout } = await train(cwd, '--out', 'run', '--epochs', '1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Chosen: --image-size 128, --recipe head, --schedule cosine/);
    expect(resultsIn(join(cwd, 'run')).imageSize).toBe(128);

    const more = await torchTl(['train', '--out', 'run', '--resume', '--epochs', '2'], { cwd });
    expect(more.code).toBe(0);
    expect(resultsIn(join(cwd, 'run'))).toMatchObject({ imageSize: 128, resumed: [{ epoch: 1, batch: 0 }] });
  });

  test.each(['valid', 'val', 'test'])('takes train/ and %s/ as they are', async (valid) => {
    const cwd = temporaryDirectory();
    await writeClasses(join(cwd, 'colours', 'train'), 2);
    await writeClasses(join(cwd, 'colours', valid), 1);
    const { code, stdout } = await train(cwd, ...QUICK);
    expect(code).toBe(0);
    expect(stdout).toContain(`6 training and 3 validation images (${valid}/)`);
  });

  test('is repeated to the same bits by run --config, from another directory too', async () => {
    const cwd = await colours();
    const own = [
      '--resize',
      'stretch',
      '--head',
      'finetune',
      '--seed',
      '7',
      '--weights',
      'tiny-imagenet-distilled',
    ];
    expect(await train(cwd, ...QUICK, ...own)).toMatchObject({ code: 0 });
    const elsewhere = temporaryDirectory();
    const config = join(cwd, 'run', 'config.json');
    const { code, stderr } = await torchTl(['run', '--config', config, '--out', 'again'], { cwd: elsewhere });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expectSame(join(cwd, 'run'), join(elsewhere, 'again'));
  });

  test('takes the images as its argument', async () => {
    const { code } = await torchTl(['train', 'colours', ...QUICK], { cwd: await colours() });
    expect(code).toBe(0);
  });

  test('with --resume starts in a new directory what it would start without, and says so', async () => {
    const cwd = await colours();
    writeRun(join(cwd, 'runs', 'colours'));
    const out = ['--out', 'runs/colour'];
    const { code, stdout } = await train(cwd, ...QUICK.slice(0, 4), ...out, '--resume');
    expect(code).toBe(0);
    const there = join(cwd, 'runs', 'colour');
    expect(stdout).toContain(
      `\nThere is no checkpoint in ${there} to resume from; starting from the beginning.\n`,
    );
    expect(stdout).toContain(
      `\nWarning: there is no run in ${there}; starting a new one. Did you mean 'runs/`,
    );
    expect(JSON.parse(readFileSync(join(there, 'config.json'), 'utf8')).options).toMatchObject({
      recipe: 'head',
      schedule: 'cosine',
    });
  });

  test('goes on from where it was stopped', async () => {
    const cwd = await colours();
    expect(await train(cwd, ...QUICK)).toMatchObject({ code: 0 });
    const { code, stdout } = await train(cwd, '--out', 'run', '--epochs', '3', '--resume');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Warning: epochs was 2 and is now 3$/m);
    expect(resultsIn(join(cwd, 'run'))).toMatchObject({ imageSize: 32, resumed: [{ epoch: 2, batch: 0 }] });
  });

  test('prints one JSON document with --json, and all else on stderr', async () => {
    const cwd = await colours();
    const { code, stdout, stderr } = await train(cwd, ...QUICK, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(resultsIn(join(cwd, 'run')));
    expect(stderr).toMatch(/^Chosen: /);
    expect(stderr).toMatch(/^Warning: the embedded backbone/m);
  });
});

describe('torch-tl train refuses', () => {
  test('a directory that is not there, and names the nearest', async () => {
    const cwd = await colours(1);
    const message = `The data directory ${join(cwd, 'colors')} does not exist. Did you mean 'colours'?`;
    await expectRefusal(cwd, ['--data', 'colors'], message);
  });

  test('a directory without class folders', async () => {
    const cwd = temporaryDirectory();
    mkdirSync(join(cwd, 'colours'));
    writeFileSync(join(cwd, 'colours', 'notes.txt'), '');
    await expectRefusal(
      cwd,
      ['--data', 'colours'],
      'contains no folders of images; expected <class>/<image>',
    );
  });

  test('a class folder without images', async () => {
    const cwd = await colours(2);
    mkdirSync(join(cwd, 'colours', 'yellow'));
    await expectRefusal(cwd, ['--data', 'colours'], `${join(cwd, 'colours', 'yellow')} contains no images`);
  });

  test('one class alone', async () => {
    const cwd = temporaryDirectory();
    await writeImages(join(cwd, 'colours'), { 'red/1.png': RED, 'red/2.png': RED });
    await expectRefusal(cwd, ['--data', 'colours'], "contains only one class, 'red'; at least 2 are needed");
  });

  test('images that cannot be decoded, naming all of them', async () => {
    const cwd = await colours(3);
    // Of each class one is held out, so that some of these validate.
    const broken = ['0.png', '1.png', '2.png'].map((name) => join(cwd, 'colours', 'red', name));
    for (const path of broken) writeFileSync(path, 'no image');
    const stderr = await expectRefusal(cwd, ['--data', 'colours', '--out', 'run'], 'cannot be decoded');
    for (const path of broken) expect(stderr).toContain(path);
  });

  test('a misspelt flag, and names the right one', async () => {
    await expectRefusal(await colours(1), ['--data', 'colours', '--epocs', '3'], 'Did you mean --epochs?');
  });

  test.each<[string, string[]]>([
    ['no images', []],
    ['no images but other options', ['--out', 'run', '--epochs', '1', '--seed', '3']],
  ])('a call with %s', async (_, args) => {
    await expectRefusal(temporaryDirectory(), args, 'Say which images to train with: --data DIR.');
  });

  test('images that are named twice', async () => {
    const message = "as argument 'colours' and as --data 'others'. Leave out one of them.";
    await expectRefusal(await colours(1), ['colours', '--data', 'others'], message);
  });

  test.each<[string, string[]]>([
    ['nothing else', []],
    ['other options', ['--seed', '3', '--epochs', '1', '--recipe', 'head']],
  ])('to go on with a run that is not there, with %s, and names the nearest', async (_, args) => {
    const cwd = temporaryDirectory();
    writeRun(join(cwd, 'runs', 'flowers'));
    const there = join(cwd, 'runs', 'flower');
    const message = `There is no directory ${there}, and so no run. Did you mean 'runs/flowers'?`;
    await expectRefusal(cwd, ['--resume', '--out', 'runs/flower', ...args], message);
    await expectRefusal(cwd, ['--resume', '--out', 'rusn/flowers', ...args], "Did you mean 'runs/flowers'?");
  });

  test('to go on with a directory that holds runs, and names them', async () => {
    const cwd = temporaryDirectory();
    writeRun(join(cwd, 'runs', 'flowers'));
    await expectRefusal(cwd, ['--resume', '--out', 'runs'], 'The runs runs/flowers lie in it: name them.');
  });

  test('a flag as the value of another', async () => {
    const cwd = await colours(1);
    await expectRefusal(cwd, ['colours', '--out', '--resume'], '--out has no value before --resume.');
  });
});

describe('torch-tl run --config', () => {
  test('takes what else is given over what the file says, and never its directory', async () => {
    const cwd = await colours();
    expect(await train(cwd, ...QUICK)).toMatchObject({ code: 0 });
    const { code, stdout } = await torchTl(
      ['run', '--config', 'run/config.json', '--epochs', '1', '--json'],
      { cwd },
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).epochs).toHaveLength(1);
    expect(readdirSync(join(cwd, 'runs'))).toEqual([expect.stringMatching(/^train-/)]);
  });

  test.each<[string, string, string]>([
    ['no JSON', '{', 'it is not JSON'],
    ['no config.json of a run', '{"formatVersion":1}', "is not a run's config.json: 'experiment'"],
    ['of own images, and names none', config({ experiment: 'train' }), 'Say which images to train with'],
    ['of an unknown experiment', config({ experiment: 'fine' }), "There is no experiment 'fine'"],
    [
      'of an unknown option',
      config({ options: { epocs: 3 } }),
      "There is no option 'epocs'; did you mean 'epochs'?",
    ],
  ])('refuses a file that is %s, and names it', async (_, content, message) => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, 'config.json'), content);
    const { code, stderr } = await torchTl(['run', '--config', 'config.json'], { cwd });
    expect(stderr).toContain(message);
    expect(stderr).toContain('config.json');
    expect(code).toBe(2);
    expect(readdirSync(cwd)).toEqual(['config.json']);
  });

  test('refuses a file that is not there, and an experiment that is not its own', async () => {
    const cwd = temporaryDirectory();
    expect(await torchTl(['run', '--config', 'nowhere.json'], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no file nowhere.json'),
    });
    writeFileSync(join(cwd, 'config.json'), config({}));
    expect(await torchTl(['run', 'base', '--config', 'config.json'], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is of a run of 'finetune', not of 'base'"),
    });
  });

  test('refuses data that has moved', async () => {
    const cwd = await colours();
    expect(await train(cwd, ...QUICK)).toMatchObject({ code: 0 });
    renameSync(join(cwd, 'colours'), join(cwd, 'moved'));
    const { code, stderr } = await torchTl(['run', '--config', 'run/config.json', '--out', 'again'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(`The data directory ${join(cwd, 'colours')} does not exist`);
    expect(existsSync(join(cwd, 'again'))).toBe(false);
  });
});

function config(changes: object): string {
  return JSON.stringify({ formatVersion: 1, experiment: 'finetune', options: {}, ...changes });
}

/** Exit code 2, one message on stderr, which is given, and no file more than before. */
async function expectRefusal(cwd: string, args: string[], message: string): Promise<string> {
  const before = readdirSync(cwd);
  const { code, stderr } = await torchTl(['train', ...args], { cwd });
  expect(stderr).toContain(message);
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(code).toBe(2);
  expect(readdirSync(cwd)).toEqual(before);
  return stderr;
}

/** The same epochs but for the time they took, and the same weights to the bit. */
function expectSame(run: string, other: string): void {
  const timeless = (directory: string) => resultsIn(directory).epochs.map(({ seconds, ...epoch }) => epoch);
  expect(timeless(other)).toEqual(timeless(run));
  const best = (directory: string) => readFileSync(join(directory, 'best.safetensors'));
  expect(best(other).equals(best(run))).toBe(true);
}

function resultsIn(run: string): RunResults {
  return JSON.parse(readFileSync(join(run, 'results.json'), 'utf8'));
}
