import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { lacking, python, pythonLacks } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const INPUTS = fileURLToPath(new URL('small_distillation.py', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../scripts/backbone/distil.py', import.meta.url));
const PACKAGES = ['torch', 'torchvision', 'safetensors', 'numpy'];

interface Line {
  seen?: number;
  divergence: number;
  distance: number;
}

test('a student nears its teacher, resumes, and is a backbone', async ({ skip }) => {
  skip(pythonLacks(...PACKAGES), lacking(...PACKAGES));
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  await python(INPUTS, directory);
  const flags = {
    images: file('images.npy'),
    'held-out': file('images.npy'),
    teacher: file('teacher.tflite'),
    checkpoint: file('checkpoint.pt'),
    lessons: file('lessons'),
    out: file('student.safetensors'),
    log: file('log.jsonl'),
    sizes: '0:32',
    batch: '16',
    'teacher-size': '96',
    first: '32',
    capacity: '100',
    warmup: '1',
    threads: '1',
  };
  const distil = (steps: number) =>
    python(
      SCRIPT,
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      '--steps',
      `${steps}`,
    );
  await distil(1);
  await distil(5);

  const lines = readFileSync(flags.log, 'utf8').trimEnd().split('\n');
  const [first, last] = lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ seen }) => seen !== undefined);
  expect(last).toMatchObject({ step: 6, seen: 96 });
  expect(last?.divergence).toBeLessThan(first?.divergence ?? 0);
  expect(last?.distance).toBeLessThan(first?.distance ?? 0);
  const options = { classes: ['red', 'blue'], head: 'linear', imageSize: 32, weights: flags.out } as const;
  (await DenseNet121.create(options)).dispose();
});
