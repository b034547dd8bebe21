import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunResults } from '../../lib/experiments/results.ts';
import { BLUE, GREEN, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const QUICK = ['--image-size', '32', '--epochs', '2'];

/** A working directory with `colours/<class>/*`, two images of each of two classes. */
async function colours(): Promise<string> {
  const cwd = temporaryDirectory();
  await writeImages(join(cwd, 'colours'), {
    ...{ 'blue/1.png': BLUE, 'blue/2.png': BLUE },
    ...{ 'green/1.png': GREEN, 'green/2.png': GREEN },
  });
  return cwd;
}

const readIn = (cwd: string, name: string) => readFileSync(join(cwd, 'run', name), 'utf8');
const resultsIn = (cwd: string) => JSON.parse(readIn(cwd, 'results.json')) as RunResults;

describe('train --valid none', () => {
  test('trains on all images, keeps the last epoch and says so everywhere', async () => {
    const cwd = await colours();
    const { code, stdout, stderr } = await torchTl(
      ['train', 'colours', ...QUICK, '--valid', 'none', '--tensorboard', '--out', 'run'],
      { cwd },
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `Data: colours (${join(cwd, 'colours')}), 4 training images (no validation: all images are trained on)\n` +
        'Classes: 2 (training images): blue 2, green 2\n',
    );
    expect(stdout).not.toContain('few');
    expect(stdout).toMatch(
      /^epoch 2\/2 {2}loss \d\.\d{4} {2}accuracy +\d+\.\d\d % {2}lr [\d.e-]+ {2}\S+ s$/m,
    );
    expect(stdout).not.toContain('valid loss');
    expect(stdout).toMatch(
      /\nkept epoch +2, the last\nstop reason +epochs\ntime +\S+ s\n\nNothing was validated: /,
    );
    expect(stdout).not.toMatch(/NaN|null|undefined/);

    const results = resultsIn(cwd);
    expect(results).toMatchObject({
      best: { epoch: 2, validAccuracy: null, validAccuracyInterval95: null, validLoss: null },
      dataset: { train: 4, valid: 0, validation: 'no validation: all images are trained on' },
      warnings: [],
    });
    for (const epoch of results.epochs) {
      expect(epoch).toMatchObject({ validAccuracy: null, validLoss: null, best: true });
    }
    const lines = readIn(cwd, 'epochs.jsonl').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      results.epochs.map((epoch) => ({ formatVersion: 1, ...epoch })),
    );
    expect(readIn(cwd, 'metrics.csv')).toMatch(/\r\n2,1,[^,]+,[^,]+,[^,]+,,,[\d.]+,true,\r\n$/);
    expect(existsSync(join(cwd, 'run', 'validation.json'))).toBe(false);
    const [events] = readdirSync(join(cwd, 'run', 'tensorboard'));
    const scalars = readIn(cwd, join('tensorboard', events as string));
    expect(scalars).toContain('loss/train');
    expect(scalars).not.toContain('/valid');
    const { options } = JSON.parse(readIn(cwd, 'config.json'));
    expect(options).toMatchObject({ valid: 'none', schedule: 'cosine', earlyStoppingPatience: 'off' });

    const report = readIn(cwd, 'report.html');
    expect(report).toContain('Nothing was validated: the model is that of the last epoch (2)');
    expect(report.split('Complete config.json')[0]).not.toMatch(/NaN|null|undefined/);
  });

  test('resumes to the same bits, and beside another run is compared', async () => {
    const cwd = await colours();
    const start = ['train', 'colours', ...QUICK, '--valid', 'none'];
    expect(await torchTl([...start, '--out', 'run'], { cwd })).toMatchObject({ code: 0 });
    expect(
      await torchTl([...start, '--epochs', '1', '--out', 'half', '--schedule', 'constant'], { cwd }),
    ).toMatchObject({ code: 0 });
    const more = await torchTl(['train', '--resume', '--out', 'half', '--epochs', '2'], { cwd });
    expect(more).toMatchObject({ code: 0, stderr: '' });
    const validated = ['train', 'colours', ...QUICK, '--out', 'validated'];
    expect(await torchTl(validated, { cwd })).toMatchObject({ code: 0 });
    const compared = await torchTl(['report', 'run', 'half', 'validated', '--out', 'all.html'], { cwd });
    expect(compared).toMatchObject({ code: 0 });
    const page = readFileSync(join(cwd, 'all.html'), 'utf8');
    expect(page).toContain(
      '<b>validated</b> has the highest validation accuracy, though not on the same data',
    );
    expect(page).not.toMatch(/NaN|undefined/);
    const unvalidated = await torchTl(['report', 'run', 'half', '--out', 'two.html'], { cwd });
    expect(unvalidated).toMatchObject({ code: 0 });
    expect(readFileSync(join(cwd, 'two.html'), 'utf8')).toContain('No epoch of any run was validated.');
  });

  test('is for the options of a run that has validated, without what watched its validation', async () => {
    const cwd = temporaryDirectory();
    const few = ['--limit-train', '20', '--limit-valid', '12', '--image-size', '32', '--epochs', '1'];
    const start = ['run', 'finetune', ...few, '--monitor', 'loss', '--out', 'run'];
    expect(await torchTl(start, { cwd })).toMatchObject({ code: 0 });
    const again = ['run', '--config', join('run', 'config.json'), '--valid', 'none', '--out', 'again'];
    expect(await torchTl(again, { cwd })).toMatchObject({ code: 0, stderr: '' });
    const results = JSON.parse(readFileSync(join(cwd, 'again', 'results.json'), 'utf8')) as RunResults;
    expect(results).toMatchObject({ dataset: { train: 20, valid: 0 }, monitor: null });
  });

  test('is for the experiments too, beside the paper', async () => {
    const cwd = temporaryDirectory();
    const few = ['--limit-train', '20', '--image-size', '32', '--epochs', '1', '--out', 'run'];
    const { code, stdout } = await torchTl(['run', 'finetune', ...few, '--valid', 'none'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('20 training images (no validation: test_batch.bin is not used)');
    expect(stdout).toMatch(/^validation accuracy +- +92\.72 %/m);
    expect(stdout).toContain('Nothing was validated: ');
    expect(resultsIn(cwd).stages[0]).toMatchObject({ schedule: 'constant', earlyStoppingPatience: 'off' });
  });

  test.each([
    ['--schedule plateau', ['--schedule', 'plateau']],
    ['--early-stopping-patience 3', ['--early-stopping-patience', '3']],
    ['--limit-valid', ['--limit-valid', '3']],
  ])('refuses %s, which needs validation images', async (shown, flags) => {
    const cwd = await colours();
    const { code, stderr } = await torchTl(
      ['train', 'colours', ...QUICK, '--valid', 'none', ...flags, '--out', 'run'],
      { cwd },
    );
    expect(code).toBe(2);
    expect(stderr).toBe(
      `error: ${shown} needs validation images, and --valid none says that there are none. Leave out one of the two.\n`,
    );
    expect(existsSync(join(cwd, 'run'))).toBe(false);
  });

  test('is not changed by resuming', async () => {
    const cwd = await colours();
    const start = ['train', 'colours', '--image-size', '32', '--epochs', '1', '--out', 'run'];
    expect(await torchTl([...start, '--valid', 'none'], { cwd })).toMatchObject({ code: 0 });
    const again = ['train', '--resume', '--out', 'run', '--epochs', '2', '--valid', 'auto'];
    const { code, stderr } = await torchTl(again, { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('its --valid was "none" and is now "auto"');
  });
});
