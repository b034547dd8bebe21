import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultRunDirectory, RunDirectory, requireVacant } from '../../lib/experiments/run-directory.ts';
import type { EpochMetrics } from '../../lib/native.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const metrics = (epoch: number): EpochMetrics => ({
  epoch,
  stage: 1,
  lr: 1e-3,
  trainLoss: 1,
  trainAccuracy: 0.5,
  validLoss: 1,
  validAccuracy: 0.5,
  seconds: 1,
});

const line = (epoch: number) => `${JSON.stringify({ formatVersion: 1, ...metrics(epoch) })}\n`;

const OCCUPIED = expect.objectContaining({ code: 'OUTPUT_EXISTS' });

describe('defaultRunDirectory', () => {
  test('names experiment and local time under runs/', () => {
    expect(defaultRunDirectory('finetune', new Date(2026, 0, 2, 3, 4, 5))).toBe(
      join('runs', 'finetune-20260102-030405'),
    );
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
  test('holds config, epochs and results as they were given', async () => {
    const path = join(temporaryDirectory(), 'a', 'run');
    const directory = await RunDirectory.create(path, { experiment: 'base' });
    await directory.appendEpoch(metrics(1));
    await directory.appendEpoch(metrics(2));
    await directory.writeResults({ best: null });
    await directory.close();
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual({ experiment: 'base' });
    expect(readFileSync(join(path, 'epochs.jsonl'), 'utf8')).toBe(line(1) + line(2));
    expect(JSON.parse(readFileSync(join(path, 'results.json'), 'utf8'))).toEqual({ best: null });
    expect(readdirSync(path).sort()).toEqual(['config.json', 'epochs.jsonl', 'results.json']);
  });

  test('has an epoch on the disk before the next begins', async () => {
    const directory = await RunDirectory.create(join(temporaryDirectory(), 'run'), {});
    await directory.appendEpoch(metrics(1));
    expect(readFileSync(join(directory.path, 'epochs.jsonl'), 'utf8')).toBe(line(1));
    await directory.close();
  });

  test('gives a directory to one of two runs only', async () => {
    const path = join(temporaryDirectory(), 'run');
    const made = await Promise.allSettled([RunDirectory.create(path, {}), RunDirectory.create(path, {})]);
    const directories = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const directory of directories) await directory.close();
    expect(directories).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() === 0)('says where it may not write', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'locked'));
    chmodSync(join(root, 'locked'), 0o500);
    const path = join(root, 'locked', 'run');
    await expect(RunDirectory.create(path, {})).rejects.toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED', message: expect.stringContaining(path) }),
    );
    expect(existsSync(path)).toBe(false);
  });
});
