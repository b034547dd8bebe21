import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunResults } from '../../lib/experiments/results.ts';
import { checkpointIn } from '../../lib/experiments/run-directory.ts';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import { hashesIn } from '../support/file-hashes.ts';
import { lastingDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl, torchTlProcess } from './torch-tl.ts';

const SMALL = ['--data', 'sample', '--limit-train', '40', '--limit-valid', '20', '--image-size', '32'];
const SETTINGS = ['--batch-size', '8', '--early-stopping-patience', 'off', '--seed', '3', '--out', 'run'];

/** The head over cached features, dropout on: epochs are so short that many lie between two checkpoints. */
const HEAD = ['run', 'finetune', ...SMALL, ...SETTINGS, '--epochs', '100', '--calibrate'];

/** All there is to keep: augmentation, dropout, a part that trains, checkpoints within an epoch. */
const PART = [
  ...['run', 'base-optimized', ...SMALL, ...SETTINGS, '--epochs', '3'],
  ...['--freeze', 'through:denseblock3', '--augmentation', 'strong', '--no-feature-cache'],
  ...['--checkpoint-minutes', '0.0005', '--limit-train', '24', '--limit-valid', '10'],
];

const undisturbed = new Map<string[], Promise<string>>();

/** The directory of such a run that nothing stopped. */
function undisturbedRun(args: string[]): Promise<string> {
  const run = undisturbed.get(args) ?? runAside(args);
  undisturbed.set(args, run);
  return run;
}

async function runAside(args: string[]): Promise<string> {
  const cwd = lastingDirectory();
  expect(await torchTl(args, { cwd })).toMatchObject({ code: 0, stderr: '' });
  return join(cwd, 'run');
}

const FINISHED = ['run', 'finetune', ...SMALL, ...SETTINGS, '--epochs', '2'];

/** A copy of a finished run's directory in a working directory of the running test's. */
async function finishedRun(): Promise<string> {
  const cwd = temporaryDirectory();
  cpSync(await undisturbedRun(FINISHED), join(cwd, 'run'), { recursive: true });
  return cwd;
}

const RESUME = ['run', 'finetune', '--resume', '--out', 'run'];

/** Goes on with a run that was stopped, and compares what it comes to with one that was not. */
async function expectSameBits(args: string[], cwd: string): Promise<void> {
  const run = join(cwd, 'run');
  const checkpoint = await readCheckpoint(checkpointIn(run));
  const point = { epoch: checkpoint?.epochs.length ?? -1, batch: checkpoint?.batch ?? -1 };
  const linesBefore = linesIn(run);
  appendFileSync(join(run, 'epochs.jsonl'), '{"formatVersion":1,"epo');

  const { code, stdout, stderr } = await torchTl([...args.slice(0, 2), '--resume', '--out', 'run'], { cwd });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain(`Resuming after epoch ${point.epoch}`);
  const expected = await undisturbedRun(args);
  expect(withoutSeconds(run)).toEqual(withoutSeconds(expected));
  expect(resultsIn(run).best).toEqual(resultsIn(expected).best);
  expect(resultsIn(run).resumed.at(-1)).toEqual(point);
  expect(bytesOf(run, 'best.safetensors').equals(bytesOf(expected, 'best.safetensors'))).toBe(true);
  const lines = linesIn(run);
  expect(lines.slice(0, point.epoch)).toEqual(linesBefore.slice(0, point.epoch));
  expect(lines.map((line) => JSON.parse(line).epoch)).toEqual(
    resultsIn(run).epochs.map(({ epoch }) => epoch),
  );
}

describe('a killed run goes on to the same bits', () => {
  test('killed at some epoch, over cached features', async () => {
    const cwd = temporaryDirectory();
    const epoch = 5 + Math.floor(Math.random() * 30);
    const run = join(cwd, 'run');
    const { code } = await torchTlProcess(HEAD, {
      cwd,
      onTick(kill) {
        if (existsSync(checkpointIn(run)) && linesIn(run).length >= epoch) kill('SIGKILL');
      },
    });
    expect(code, `killed after epoch ${epoch}`).toBeNull();
    expect(existsSync(join(run, 'results.json'))).toBe(false);
    await expectSameBits(HEAD, cwd);
  });

  test('killed within an epoch, with augmentation, dropout and a part that trains', async () => {
    const cwd = temporaryDirectory();
    const checkpoint = checkpointIn(join(cwd, 'run'));
    const { code } = await torchTlProcess(PART, {
      cwd,
      onTick(kill) {
        if (batchIn(checkpoint) > 0) kill('SIGKILL');
      },
    });
    expect(code).toBeNull();
    await expectSameBits(PART, cwd);
  });

  test('killed while it writes a checkpoint, of which nothing is left afterwards', async () => {
    const cwd = temporaryDirectory();
    const checkpoints = join(cwd, 'run', 'checkpoint');
    const { code } = await torchTlProcess(PART, {
      cwd,
      onTick(kill) {
        if (!existsSync(checkpointIn(join(cwd, 'run')))) return;
        if (readdirSync(checkpoints).some((name) => name.endsWith('.tmp'))) kill('SIGKILL');
      },
    });
    expect(code).toBeNull();
    writeFileSync(join(checkpoints, '.torch-tl-0123456789abcdef.tmp'), 'torn');
    writeFileSync(join(cwd, 'run', '.torch-tl-0123456789abcdef.tmp'), 'torn');
    await expectSameBits(PART, cwd);
    expect(readdirSync(checkpoints)).toEqual(['training.safetensors']);
    expect(readdirSync(join(cwd, 'run')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('a run that is asked to stop', () => {
  test.each<[NodeJS.Signals, number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('leaves a checkpoint on %s, exits %d and goes on to the same bits', async (signal, exitCode) => {
    const cwd = temporaryDirectory();
    let sent = false;
    const { code } = await torchTlProcess(PART, {
      cwd,
      onOutput(stdout, kill) {
        if (sent || !stdout.includes('\nepoch 1/')) return;
        sent = true;
        kill(signal);
      },
    });
    expect(code).toBe(exitCode);
    expect(resultsIn(join(cwd, 'run')).stoppedBecause).toBe('aborted');
    await expectSameBits(PART, cwd);
  });

  test('before its first epoch starts afresh, and says so', async () => {
    const cwd = temporaryDirectory();
    const args = ['run', 'finetune', '--data', 'sample', '--limit-train', '300', '--limit-valid', '10'];
    let sent = false;
    const { code, stderr } = await torchTlProcess(
      [...args, '--image-size', '64', ...SETTINGS, '--epochs', '1'],
      {
        cwd,
        onOutput(stdout, kill) {
          if (sent || !stdout.includes('\nFeature cache: ')) return;
          sent = true;
          kill('SIGTERM');
        },
      },
    );
    expect(code).toBe(143);
    expect(stderr).toContain('Terminated. It has no checkpoint yet, and begins again when it is resumed.\n');
    const run = join(cwd, 'run');
    expect(resultsIn(run)).toMatchObject({ stoppedBecause: 'aborted', epochs: [], best: null });
    expect(existsSync(checkpointIn(run))).toBe(false);

    const resumed = await torchTl(RESUME, { cwd });
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toMatch(
      /^There is no checkpoint in .*run to resume from; starting from the beginning\.$/m,
    );
    expect(resultsIn(run)).toMatchObject({ stoppedBecause: 'epochs', resumed: [], epochs: [{ epoch: 1 }] });
  });
});

describe('torch-tl run --resume', () => {
  test('says that a finished run is finished, prints its results and changes nothing', async () => {
    const cwd = await finishedRun();
    const before = contentOf(join(cwd, 'run'));
    const { code, stdout } = await torchTl(RESUME, { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^The run in .*run is finished; to continue it, give more epochs \(--epochs\)\.$/m,
    );
    expect(stdout).toContain('validation accuracy');
    expect(contentOf(join(cwd, 'run'))).toEqual(before);

    const json = await torchTl([...RESUME, '--json'], { cwd });
    expect(JSON.parse(json.stdout)).toEqual(resultsIn(join(cwd, 'run')));
  });

  test('of a finished run whose stages have their own epochs does not advise others', async () => {
    const cwd = temporaryDirectory();
    const recipe = { formatVersion: 1, stages: [{ epochs: 1 }] };
    writeFileSync(join(cwd, 'recipe.json'), JSON.stringify(recipe));
    const args = ['run', 'finetune', ...SMALL, ...SETTINGS, '--recipe', 'recipe.json'];
    expect((await torchTl(args, { cwd })).code).toBe(0);
    const { stdout } = await torchTl(RESUME, { cwd });
    expect(stdout).toMatch(/^The run in .*run is finished; its folds or stages fix its epochs/m);
  });

  test('of a run that was killed before its results were written ends it as it would have ended', async () => {
    const cwd = await finishedRun();
    const run = join(cwd, 'run');
    const whole = contentOf(run);
    for (const name of ['results.json', 'validation.json']) rmSync(join(run, name));
    const { code } = await torchTl(RESUME, { cwd });
    expect(code).toBe(0);
    const validation = join(run, 'validation.json');
    expect(contentOf(run)[validation]).toBe(whole[validation]);
    expect(resultsIn(run)).toMatchObject({ stoppedBecause: 'epochs', epochs: { length: 2 } });
  });

  test('goes on with more epochs, and warns that they, the threads and the kernels have changed', async () => {
    const cwd = await finishedRun();
    const [first, second] = linesIn(join(cwd, 'run'));
    const changed = ['--epochs', '4', '--threads', '3', '--kernels', 'libtorch'];
    const { code, stdout } = await torchTl([...RESUME, ...changed], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Warning: epochs was 2 and is now 4$/m);
    expect(stdout).toMatch(/^Warning: threads was \d+ and is now 3$/m);
    expect(stdout).toMatch(/^Warning: kernels was "auto" and is now "libtorch"$/m);
    const run = join(cwd, 'run');
    expect(resultsIn(run)).toMatchObject({ resumed: [{ epoch: 2, batch: 0 }], stoppedBecause: 'epochs' });
    expect(linesIn(run)).toHaveLength(4);
    expect(linesIn(run).slice(0, 2)).toEqual([first, second]);
    expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')).options.epochs).toBe(4);
  });

  test('leaves a run alone that has ended and whose checkpoint is missing', async () => {
    const cwd = temporaryDirectory();
    const run = join(cwd, 'run');
    expect((await torchTl([...RESUME, ...SMALL, '--epochs', '1'], { cwd })).code).toBe(0);
    rmSync(join(run, 'checkpoint'), { recursive: true });
    const before = hashesIn(run);
    const { code, stderr } = await torchTl([...RESUME, '--epochs', '2'], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/has ended, and its checkpoint .* is missing/)]);
    expect(hashesIn(run)).toEqual(before);
  });

  test('starts afresh in a directory without a run, and says so', async () => {
    const cwd = temporaryDirectory();
    const args = [...RESUME, ...SMALL, '--epochs', '1'];
    const { code, stdout } = await torchTl(args, { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^There is no checkpoint in .*run to resume from; starting from the beginning\.$/m,
    );
    expect(stdout).toMatch(/^Warning: there is no run in .*run; starting a new one\.$/m);
  });

  test.each<[string, string, string[]]>([
    ['nothing else', 'finetune', []],
    ['what may change alone', 'base', ['--epochs', '3', '--threads', '1']],
    ['all', 'all', []],
  ])('starts nothing in a directory without a run where it is given %s', async (_, what, args) => {
    const cwd = temporaryDirectory();
    const { code, stdout, stderr } = await torchTl(['run', what, '--resume', '--out', 'run', ...args], {
      cwd,
    });
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 2, stdout: what === 'all' ? 'finetune' : '' });
    expect(stderr).toContain('To start a new run there, say with --data what to train with.');
    expect(readdirSync(cwd)).toEqual([]);
  });

  test.each<[string, string[], string]>([
    ['another learning rate', ['--lr', '0.01'], 'its --lr was 0.001 and is now 0.01'],
    ['another seed', ['--seed', '4'], 'its --seed was 3 and is now 4'],
    ['a limit', ['--limit-valid', '10'], 'its --limit-valid was 20 and is now 10'],
  ])('refuses %s by name', async (_, args, message) => {
    await expectRefusal(await finishedRun(), [...RESUME, ...args], message);
  });

  test('refuses another experiment', async () => {
    const args = ['run', 'base', '--resume', '--out', 'run'];
    await expectRefusal(await finishedRun(), args, 'its experiment was "finetune" and is now "base"');
  });

  test('asks for the directory', async () => {
    const { code, stderr } = await torchTl(['run', 'base', '--resume'], { cwd: temporaryDirectory() });
    expect(code).toBe(2);
    expect(stderr).toContain('--resume --out DIR');
  });

  test.each<[string, (file: string) => void]>([
    ['truncated', (file) => truncateSync(file, 1_000_000)],
    ['empty', (file) => truncateSync(file, 0)],
    ['with a flipped byte among its values', (file) => flip(file, -1000)],
    [
      'with a flipped byte in its metadata',
      (file) => flip(file, readFileSync(file).indexOf('trainLoss') + 14),
    ],
  ])('refuses a checkpoint that is %s, and touches nothing', async (_, damage) => {
    const cwd = await finishedRun();
    damage(checkpointIn(join(cwd, 'run')));
    await expectRefusal(cwd, [...RESUME, '--epochs', '3'], 'training.safetensors cannot be resumed');
  });

  test('refuses a directory where another run is at work, until that one is killed', async () => {
    const cwd = temporaryDirectory();
    const endless = [...FINISHED, '--epochs', '1000000'];
    let second: ReturnType<typeof torchTl> | undefined;
    let third: ReturnType<typeof torchTl> | undefined;
    const { code } = await torchTlProcess(endless, {
      cwd,
      onOutput(stdout, kill) {
        if (second || !stdout.includes('\nepoch       1/')) return;
        second = torchTl(endless, { cwd });
        third = torchTl(RESUME, { cwd });
        void Promise.all([second, third]).then(() => kill('SIGKILL'));
      },
    });
    expect(code).toBeNull();
    expect(await second).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('already holds another run'),
    });
    expect(await third).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Another run is writing to'),
    });
    expect(await torchTl([...RESUME, '--epochs', '1'], { cwd })).toMatchObject({ code: 0 });
  });

  test.skipIf(process.platform !== 'linux')(
    'keeps the checkpoint where there is no room for a new one',
    async () => {
      const cwd = await finishedRun();
      const run = join(cwd, 'run');
      const checkpoint = bytesOf(run, 'checkpoint', 'training.safetensors');
      // The best weights still fit.
      const limit = (pid: number) =>
        spawnSync('prlimit', [`--fsize=${checkpoint.length - 1}`, '--pid', String(pid)]);
      const { code, stderr } = await torchTlProcess([...RESUME, '--epochs', '500'], { cwd, onStart: limit });
      expect(stderr).toContain(
        'training.safetensors: the file would be larger than this file system or user may write (EFBIG)',
      );
      expect(code).toBe(1);
      expect(bytesOf(run, 'checkpoint', 'training.safetensors').equals(checkpoint)).toBe(true);
      expect(readdirSync(join(run, 'checkpoint'))).toEqual(['training.safetensors']);
      expect(resultsIn(run)).toMatchObject({ stoppedBecause: 'failed', error: { code: 'WRITE_FAILED' } });
    },
  );
});

/** Exit code 2, one message on stderr, and every file as it was. */
async function expectRefusal(cwd: string, args: string[], message: string): Promise<void> {
  const before = contentOf(join(cwd, 'run'));
  const { code, stderr } = await torchTl(args, { cwd });
  expect(stderr).toContain(message);
  expect(stderr.match(/^error: /gm)).toHaveLength(1);
  expect(code).toBe(2);
  expect(contentOf(join(cwd, 'run'))).toEqual(before);
}

/** Batches of the next epoch behind a checkpoint; 0 where there is none. */
function batchIn(file: string): number {
  if (!existsSync(file)) return 0;
  const start = readFileSync(file, 'latin1').slice(0, 200_000);
  return Number(start.match(/"batch":"(\d+)"/)?.[1] ?? 0);
}

/** SHA-256 by path. */
function contentOf(run: string): Record<string, string> {
  const files = readdirSync(run, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ name, parentPath }) => [
      join(parentPath, name),
      sha256(readFileSync(join(parentPath, name))),
    ]),
  );
}

/** Inverts the lowest bit of one byte, at a position from the end where negative. */
function flip(file: string, position: number): void {
  const bytes = readFileSync(file);
  const at = position < 0 ? bytes.length + position : position;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function resultsIn(run: string): RunResults {
  return JSON.parse(readFileSync(join(run, 'results.json'), 'utf8'));
}

function withoutSeconds(run: string) {
  return resultsIn(run).epochs.map(({ seconds, ...epoch }) => epoch);
}

function linesIn(run: string): string[] {
  return readFileSync(join(run, 'epochs.jsonl'), 'utf8').split('\n').slice(0, -1);
}

function bytesOf(...path: string[]): Buffer {
  return readFileSync(join(...path));
}
