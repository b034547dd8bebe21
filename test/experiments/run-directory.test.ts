import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  defaultRunDirectory,
  makeUnusedDirectory,
  RunDirectory,
  requireVacant,
} from '../../lib/experiments/run-directory.ts';
import { epochMetrics } from '../support/epoch-metrics.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const line = (epoch: number) => `${JSON.stringify({ formatVersion: 1, ...epochMetrics(epoch) })}\n`;

/** Of metrics.csv with so many epochs, which have no monitored figure. */
const csv = (epochs: number) =>
  [
    [...Object.keys(epochMetrics(1)), 'monitored'].join(','),
    ...Array.from({ length: epochs }, (_, index) => `${Object.values(epochMetrics(index + 1)).join(',')},`),
    '',
  ].join('\r\n');

/** Of images.csv. */
const IMAGES = { pieces: [Buffer.from('part,path,label,key\r\n')] };

const OCCUPIED = expect.objectContaining({ code: 'OUTPUT_EXISTS' });

describe('defaultRunDirectory', () => {
  test('names experiment and local time under runs/', () => {
    expect(defaultRunDirectory('finetune', new Date(2026, 0, 2, 3, 4, 5))).toBe(
      join('runs', 'finetune-20260102-030405'),
    );
  });
});

describe('makeUnusedDirectory', () => {
  test('gives each of many that ask at once a directory of its own', async () => {
    const name = join(temporaryDirectory(), 'runs', 'base-20260102-030405');
    const made = await Promise.all(Array.from({ length: 8 }, () => makeUnusedDirectory(name)));
    const numbered = Array.from({ length: 7 }, (_, index) => `${name}-${index + 2}`);
    expect(made.sort()).toEqual([name, ...numbered]);
    for (const path of made) expect(readdirSync(path)).toEqual([]);
  });

  test('says where none can be made', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    await expect(makeUnusedDirectory(join(file, 'run'))).rejects.toThrow('for the run');
  });
});

describe('requireVacant', () => {
  test('takes a directory that is new or empty, and makes nothing', async () => {
    const root = temporaryDirectory();
    await requireVacant(root);
    await requireVacant(join(root, 'a', 'b'));
    expect(readdirSync(root)).toEqual([]);
  });

  test('refuses a directory that holds another run, or anything', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'notes.txt'), '');
    await expect(requireVacant(root)).rejects.toThrow('is not empty');
    writeFileSync(join(root, 'config.json'), '{}');
    await expect(requireVacant(root)).rejects.toThrow('already holds another run');
    await expect(requireVacant(root)).rejects.toThrow(OCCUPIED);
  });

  test('refuses a file, and a directory under one', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    await expect(requireVacant(file)).rejects.toThrow(OCCUPIED);
    await expect(requireVacant(join(file, 'run'))).rejects.toThrow(OCCUPIED);
  });
});

describe('RunDirectory', () => {
  test('lets go of its lock where the file of that cannot be removed', async () => {
    const path = join(temporaryDirectory(), 'run');
    const directory = await RunDirectory.create(path, {}, IMAGES);
    rmSync(join(path, 'lock'));
    mkdirSync(join(path, 'lock'));
    await directory.close();
    expect(readdirSync(path)).toContain('lock');
  });

  test('holds config, epochs and results as they were given', async () => {
    const path = join(temporaryDirectory(), 'a', 'run');
    const directory = await RunDirectory.create(path, { experiment: 'base' }, IMAGES);
    await directory.appendEpoch(epochMetrics(1));
    await directory.appendEpoch(epochMetrics(2));
    await directory.writeResults({ best: null });
    await directory.close();
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual({ experiment: 'base' });
    expect(readFileSync(join(path, 'epochs.jsonl'), 'utf8')).toBe(line(1) + line(2));
    expect(JSON.parse(readFileSync(join(path, 'results.json'), 'utf8'))).toEqual({ best: null });
    expect(readFileSync(join(path, 'metrics.csv'), 'utf8')).toBe(csv(2));
    expect(readdirSync(path).sort()).toEqual([
      'config.json',
      'epochs.jsonl',
      'images.csv',
      'metrics.csv',
      'results.json',
    ]);
  });

  test('has an epoch on the disk before the next begins', async () => {
    const directory = await RunDirectory.create(join(temporaryDirectory(), 'run'), {}, IMAGES);
    await directory.appendEpoch(epochMetrics(1));
    expect(readFileSync(join(directory.path, 'epochs.jsonl'), 'utf8')).toBe(line(1));
    expect(readFileSync(join(directory.path, 'metrics.csv'), 'utf8')).toBe(csv(1));
    await directory.close();
  });

  test('gives a directory to one of two runs only', async () => {
    const path = join(temporaryDirectory(), 'run');
    const made = await Promise.allSettled([
      RunDirectory.create(path, {}, IMAGES),
      RunDirectory.create(path, {}, IMAGES),
    ]);
    const directories = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const directory of directories) await directory.close();
    expect(directories).toHaveLength(1);
  });

  test('refuses a directory where another run is at work, until its end', async () => {
    const path = join(temporaryDirectory(), 'run');
    const directory = await RunDirectory.create(path, {}, IMAGES);
    await expect(RunDirectory.reopen(path, {}, IMAGES)).rejects.toMatchObject({
      name: 'InputError',
      code: 'RUN_LOCKED',
      message: expect.stringContaining(path),
    });
    await directory.close();
    await (await RunDirectory.reopen(path, {}, IMAGES)).close();
  });

  test('takes a directory whose run was killed before it had written anything', async () => {
    const path = temporaryDirectory();
    for (const name of ['lock', '.torch-tl-0123456789abcdef.tmp']) writeFileSync(join(path, name), '');
    await (await RunDirectory.create(path, {}, IMAGES)).close();
    expect(readdirSync(path).sort()).toEqual(['config.json', 'epochs.jsonl', 'images.csv', 'metrics.csv']);
  });

  test.skipIf(process.getuid?.() === 0)('says where it may not write', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'locked'));
    chmodSync(join(root, 'locked'), 0o500);
    const path = join(root, 'locked', 'run');
    await expect(RunDirectory.create(path, {}, IMAGES)).rejects.toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED', message: expect.stringContaining(path) }),
    );
    expect(existsSync(path)).toBe(false);
  });
});

describe('a run directory that is gone on with', () => {
  /** Of a run that was killed in its fourth epoch. */
  async function killedRun(): Promise<string> {
    const path = temporaryDirectory();
    mkdirSync(join(path, 'checkpoint'));
    const files = {
      'config.json': '{"options":1}',
      'epochs.jsonl': `${line(1).replace('{', '{ ')}${line(2)}${line(3)}{"formatVersion":1,"ep`,
      'results.json': '{}',
      'best.safetensors': 'best',
      '.torch-tl-0123456789abcdef.tmp': 'torn',
      'checkpoint/training.safetensors': 'state',
      'checkpoint/.torch-tl-0123456789abcdef.tmp': 'torn',
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
    return path;
  }

  const contentOf = (path: string, name: string) => readFileSync(join(path, name), 'utf8');

  test('stays as it is until it goes back, but for what a killed process was writing', async () => {
    const path = await killedRun();
    await (await RunDirectory.reopen(path, { options: 2 }, IMAGES)).close();
    expect(readdirSync(path).sort()).toEqual([
      'best.safetensors',
      'checkpoint',
      'config.json',
      'epochs.jsonl',
      'results.json',
    ]);
    expect(readdirSync(join(path, 'checkpoint'))).toEqual(['training.safetensors']);
    expect(contentOf(path, 'config.json')).toBe('{"options":1}');
    expect(contentOf(path, 'epochs.jsonl')).toMatch(/"ep$/);
  });

  test('keeps the lines of its epochs byte for byte, and drops later ones and a torn one', async () => {
    const path = await killedRun();
    const directory = await RunDirectory.reopen(path, { options: 2 }, IMAGES);
    await directory.rewindTo([epochMetrics(1), epochMetrics(2)]);
    await directory.appendEpoch(epochMetrics(3));
    await directory.close();
    expect(contentOf(path, 'epochs.jsonl')).toBe(line(1).replace('{', '{ ') + line(2) + line(3));
    expect(contentOf(path, 'metrics.csv')).toBe(csv(3));
    expect(JSON.parse(contentOf(path, 'config.json'))).toEqual({ options: 2 });
    expect(existsSync(join(path, 'results.json'))).toBe(false);
    expect(contentOf(path, 'best.safetensors')).toBe('best');
  });

  test('adds the lines of epochs that were not written yet', async () => {
    const path = await killedRun();
    const directory = await RunDirectory.reopen(path, {}, IMAGES);
    await directory.rewindTo([1, 2, 3, 4, 5].map(epochMetrics));
    await directory.close();
    const lines = contentOf(path, 'epochs.jsonl').split('\n').slice(0, -1);
    expect(lines.slice(2)).toEqual([3, 4, 5].map((epoch) => line(epoch).trimEnd()));
  });

  test('drops the epochs of metrics.csv that are trained again', async () => {
    const path = await killedRun();
    writeFileSync(join(path, 'metrics.csv'), csv(3));
    const directory = await RunDirectory.reopen(path, {}, IMAGES);
    await directory.rewindTo([epochMetrics(1)]);
    await directory.close();
    expect(contentOf(path, 'metrics.csv')).toBe(csv(1));
  });

  test('has no best weights before its first epoch', async () => {
    const path = await killedRun();
    const directory = await RunDirectory.reopen(path, {}, IMAGES);
    await directory.rewindTo([]);
    await directory.close();
    expect(readdirSync(path).sort()).toEqual([
      'checkpoint',
      'config.json',
      'epochs.jsonl',
      'images.csv',
      'metrics.csv',
    ]);
    expect(contentOf(path, 'epochs.jsonl')).toBe('');
  });
});
