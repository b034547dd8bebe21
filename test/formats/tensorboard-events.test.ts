import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EventFile } from '../../lib/formats/tensorboard/event-file.ts';
import { scalarsEvent, startOfEvents } from '../../lib/formats/tensorboard/events.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test("events are those of TensorBoard's own writer, byte for byte", () => {
  const step = 2 ** 40 + 1;
  const events = [
    startOfEvents(1.5e9 + 0.25, step),
    scalarsEvent(1.5e9 + 0.5, step, { 'accuracy/train': 0.1, [`loss/${'a'.repeat(300)}`]: -2.5e-8 }),
  ];
  const fixture = new URL('../fixtures/tensorboard-events.bin', import.meta.url);
  expect(Buffer.concat(events).equals(readFileSync(fixture))).toBe(true);
});

describe('an event file', () => {
  test('is made by its first scalars, and grows by each', async () => {
    const directory = join(temporaryDirectory(), 'tensorboard');
    const file = new EventFile(directory);
    const sizes: number[] = [];
    for (const step of [1, 2]) {
      await file.append(step, { loss: 0.5 });
      const [name] = readdirSync(directory);
      sizes.push(readFileSync(join(directory, name ?? '')).length);
    }
    expect(readdirSync(directory)).toEqual([
      expect.stringMatching(/^events\.out\.tfevents\.\d{10}\..+\.\d+\.0$/),
    ]);
    // wall time, step and a summary with tag and value, in a frame of 16 bytes
    expect((sizes[1] ?? 0) - (sizes[0] ?? 0)).toBe(16 + 9 + 2 + 2 + 2 + 6 + 5);
  });

  test('comes after those that are there in the order of names', async () => {
    const directory = join(temporaryDirectory(), 'tensorboard');
    await new EventFile(directory).append(1, { loss: 0.5 });
    await new EventFile(directory).append(2, { loss: 0.5 });
    expect(
      readdirSync(directory)
        .sort()
        .map((name) => name.at(-1)),
    ).toEqual(['0', '1']);
  });

  test('comes after them also where the clock was set back since', async () => {
    const directory = temporaryDirectory();
    const later = 'events.out.tfevents.4102444800.machine.9.0';
    writeFileSync(join(directory, later), '');
    await new EventFile(directory).append(1, { loss: 0.5 });
    const names = readdirSync(directory).sort();
    expect(names).toHaveLength(2);
    expect(names[0]).toBe(later);
  });

  test('that cannot be written says where', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'tensorboard'), '');
    await expect(new EventFile(join(root, 'tensorboard')).append(1, {})).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining(join(root, 'tensorboard')),
    });
  });
});
