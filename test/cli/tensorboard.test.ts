import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scalarsOf } from '../../lib/experiments/epoch-scalars.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import { EventFile } from '../../lib/formats/tensorboard/event-file.ts';
import { lacking, python, pythonLacks } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const RUN = ['run', 'finetune', '--data', 'sample', '--limit-train', '40', '--limit-valid', '20'];
const ARGS = [...RUN, '--image-size', '32', '--out', 'run'];

/** Reads the scalars of each directory as TensorBoard does: by tag, pairs of step and value. */
const READER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

def scalars(directory):
    events = EventAccumulator(directory).Reload()
    return {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()['scalars']}

print(json.dumps([scalars(directory) for directory in sys.argv[1:]]))
`;

type Scalars = Record<string, Array<[step: number, value: number]>>;

test("TensorBoard's own loader reads a run's epochs, of one that went on too", async ({ skip }) => {
  skip(pythonLacks('tensorboard'), lacking('tensorboard'));
  const cwd = temporaryDirectory();
  expect(await torchTl([...ARGS, '--epochs', '2', '--tensorboard'], { cwd })).toMatchObject({ code: 0 });
  expect(await torchTl([...ARGS, '--epochs', '3', '--resume'], { cwd })).toMatchObject({ code: 0 });
  // As after a kill: epochs after the checkpoint are trained again, maybe to another end.
  const restarted = join(cwd, 'restarted');
  await write(restarted, { 1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4 });
  await write(restarted, { 3: 0.5 });

  const [run, again] = JSON.parse(
    await python('-c', READER, join(cwd, 'run', 'tensorboard'), restarted),
  ) as Scalars[];
  const { epochs, dataset } = JSON.parse(
    readFileSync(join(cwd, 'run', 'results.json'), 'utf8'),
  ) as RunResults;
  const expected: Scalars = {};
  for (const epoch of epochs) {
    for (const [tag, value] of Object.entries(scalarsOf(epoch, dataset.train))) {
      expected[tag] = [...(expected[tag] ?? []), [epoch.epoch, Math.fround(value)]];
    }
  }
  expect(epochs).toHaveLength(3);
  expect(run).toEqual(expected);
  expect(again?.loss?.map(([step, value]) => [step, value.toFixed(1)])).toEqual([
    [1, '0.1'],
    [2, '0.2'],
    [3, '0.5'],
  ]);
});

test('a run may get events when it is gone on with, and has none unless asked', async () => {
  const cwd = temporaryDirectory();
  expect(await torchTl([...ARGS, '--epochs', '1'], { cwd })).toMatchObject({ code: 0 });
  const events = join(cwd, 'run', 'tensorboard');
  expect(existsSync(events)).toBe(false);
  const { code } = await torchTl([...ARGS, '--epochs', '2', '--resume', '--tensorboard'], { cwd });
  expect(code).toBe(0);
  expect(readdirSync(events)).toHaveLength(1);
});

async function write(directory: string, losses: Record<number, number>): Promise<void> {
  const file = new EventFile(directory);
  for (const [step, loss] of Object.entries(losses)) await file.append(Number(step), { loss });
}
