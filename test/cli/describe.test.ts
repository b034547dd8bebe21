import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

const BACKBONE = 6_953_856;

/** Parameters of the finetune head for a last map of `side` x `side`. */
function finetuneHead(side: number): number {
  const flat = 1024 * side * side;
  return 2 * flat + (flat + 1) * 256 + 2 * 256 + (256 + 1) * 128 + (128 + 1) * 10;
}

describe('torch-tl describe', () => {
  test.each([
    ['base', 155, 6_964_106, 0],
    ['base-optimized', 155, 7_252_746, 0],
    ['finetune', 155, 4_262_026, BACKBONE],
    ['base', 64, 6_964_106, 0],
    ['base-optimized', 224, 7_252_746, 0],
    ['finetune', 64, finetuneHead(2), BACKBONE],
    ['finetune', 224, finetuneHead(7), BACKBONE],
  ])('counts the parameters of %s at %d', async (experiment, imageSize, trainable, frozen) => {
    const description = await describeJson(experiment, imageSize);
    expect(description).toMatchObject({
      experiment,
      imageSize,
      trainableParameters: trainable,
      frozenParameters: frozen,
      totalParameters: trainable + frozen,
    });
  });

  test('lists every leaf layer with its name, shape and parameters', async () => {
    const { layers, totalParameters } = await describeJson('finetune', 155);
    const byName = new Map(layers.map((layer) => [layer.name, layer]));
    expect(byName.get('features.conv0')).toMatchObject({
      outputShape: [64, 78, 78],
      parameters: 9408,
      trainable: false,
    });
    expect(byName.get('features.norm5')).toMatchObject({ outputShape: [1024, 4, 4], parameters: 2048 });
    expect(byName.get('classifier.1')).toMatchObject({ outputShape: [256], trainable: true });
    expect(byName.size).toBe(layers.length);
    expect(layers.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(totalParameters);
  });

  test('prints a table for people', async () => {
    const { code, stdout } = await torchTl(['describe', 'base'], { cwd: temporaryDirectory() });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Layer \(type\) +Output shape +Parameters +Trainable$/m);
    expect(stdout).toMatch(/^features\.conv0 \(\w+\) +\(64, 78, 78\) +9,408 +yes$/m);
    expect(stdout).toMatch(/^Total parameters +6,964,106$/m);
  });

  test.each<[string, string[], string]>([
    ['an unknown experiment', ['describe', 'finetun'], "did you mean 'finetune'?"],
    ['no experiment', ['describe'], "missing required argument 'experiment'"],
    ['images under 32 pixels', ['describe', 'base', '--image-size', '31'], '--image-size must be'],
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await torchTl(args, { cwd: temporaryDirectory() });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});

interface Description {
  totalParameters: number;
  layers: Array<{
    name: string;
    type: string;
    outputShape: number[];
    parameters: number;
    trainable: boolean;
  }>;
}

async function describeJson(experiment: string, imageSize: number): Promise<Description> {
  const args = ['describe', experiment, '--image-size', String(imageSize), '--json'];
  const { code, stdout, stderr } = await torchTl(args, { cwd: temporaryDirectory() });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}
