import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSafetensors } from '../../lib/formats/safetensors.ts';
import { RED, writeImages } from '../support/images.ts';
import { savedModel } from '../support/saved-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTl } from './torch-tl.ts';

/*
 * Whatever is wrong with a call is said before an image is decoded, and nothing is left behind. That the images are
 * looked at would be noticed: none of them can be decoded, and no other error would be said first.
 */

/** What each wrong start adds to a command that takes it, and what is said. */
const WRONG: Record<string, { args: string[]; message: string; commands: string[] }> = {
  'weights that are not there': {
    args: ['--weights', 'nowhere.pth'],
    message: 'nowhere.pth',
    commands: ['train', 'run', 'lr-find', 'features', 'evaluate', 'predict', 'export'],
  },
  'a file that holds no weights': {
    args: ['--weights', 'notes.safetensors'],
    message: 'notes.safetensors',
    commands: ['train', 'run', 'lr-find', 'features', 'evaluate', 'predict', 'export'],
  },
  'weights of another network': {
    args: ['--weights', 'other.safetensors'],
    message: 'other.safetensors',
    commands: ['train', 'run', 'lr-find', 'features', 'evaluate', 'predict'],
  },
  'a device that is not there': {
    args: ['--device', 'cuda:7'],
    message: 'Device cuda:7 is not available',
    commands: ['train', 'run', 'lr-find', 'features'],
  },
  'layers to freeze that are not there': {
    args: ['--freeze', 'denseblock9'],
    message: "did you mean 'denseblock1'?",
    commands: ['train', 'run', 'lr-find'],
  },
  'a learning rate of layers that are not there': {
    args: ['--layer-lr', 'denseblock9=0.1'],
    message: "did you mean 'denseblock1'?",
    commands: ['train', 'run', 'lr-find'],
  },
  'everything frozen': {
    args: ['--freeze', 'backbone,classifier'],
    message: 'freeze',
    commands: ['train', 'run', 'lr-find'],
  },
  'the weight of a class that is not there': {
    args: ['--class-weights', 'rad=2'],
    message: "did you mean 'red'?",
    commands: ['train', 'run', 'lr-find'],
  },
  'an unknown head': { args: ['--head', 'liner'], message: '--head', commands: ['train', 'lr-find'] },
  'a recipe that is not there': {
    args: ['--recipe', 'stages.json'],
    message: 'stages.json',
    commands: ['train', 'run'],
  },
  'a recipe of layers that are not there': {
    args: ['--recipe', 'denseblock9.json'],
    message: "did you mean 'denseblock1'?",
    commands: ['train', 'run'],
  },
  'too few epochs for the recipe': {
    args: ['--recipe', 'gradual', '--epochs', '2'],
    message: "at least 3 for the recipe 'gradual'",
    commands: ['train', 'run'],
  },
  'a recipe beside what is frozen': {
    args: ['--recipe', 'gradual', '--freeze', 'backbone'],
    message: 'Leave out freeze or the recipe',
    commands: ['train', 'run'],
  },
  'a directory that is not empty': {
    args: ['--out', 'colours'],
    message: 'is not empty',
    commands: ['train', 'run'],
  },
  'a directory under a file': {
    args: ['--out', 'notes.safetensors/run'],
    message: 'notes.safetensors',
    commands: ['train', 'run'],
  },
  'a feature cache under a file': {
    args: ['--feature-cache', 'notes.safetensors/cache'],
    message: 'Cannot write',
    commands: ['train', 'run', 'lr-find'],
  },
  'a directory that is not there': {
    args: ['--out', 'nowhere/file.onnx'],
    message: 'Cannot write',
    commands: ['features', 'export'],
  },
  'a directory in place of a file': {
    args: ['--format', 'pth', '--out', 'colours'],
    message: 'it is a directory',
    commands: ['export'],
  },
  'classes that the model does not know': {
    args: [],
    message: "Some labels are unknown classes: 'blue', 'red'",
    commands: ['evaluate'],
  },
};

const COMMANDS: Record<string, (model: string) => string[]> = {
  train: () => ['train', '--data', 'colours', '--image-size', '32'],
  run: () => ['run', 'finetune', '--data', 'colours', '--image-size', '32'],
  'lr-find': () => ['lr-find', '--data', 'colours', '--image-size', '32'],
  features: () => ['features', '--data', 'colours', '--image-size', '32', '--out', 'features.safetensors'],
  evaluate: (model) => ['evaluate', '--data', 'colours', '--weights', model],
  predict: (model) => ['predict', 'colours', '--weights', model],
  export: (model) => ['export', '--weights', model, '--out', 'model.pth'],
};

/** Class folders of files that are no images, and some other files. */
async function broken(): Promise<string> {
  const cwd = temporaryDirectory();
  for (const name of ['blue', 'red']) {
    mkdirSync(join(cwd, 'colours', name), { recursive: true });
    for (const number of [1, 2, 3]) writeFileSync(join(cwd, 'colours', name, `${number}.png`), 'no image');
  }
  writeFileSync(join(cwd, 'notes.safetensors'), 'notes');
  const tensor = { name: 'features.conv0.weight', dtype: 'float32', shape: [1], data: new Uint8Array(4) };
  await writeSafetensors(join(cwd, 'other.safetensors'), [tensor as never], {});
  const stages = [{ epochs: 1, freeze: 'denseblock9' }];
  writeFileSync(join(cwd, 'denseblock9.json'), JSON.stringify({ formatVersion: 1, stages }));
  return cwd;
}

const filesIn = (directory: string) => readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();

const cases = Object.entries(WRONG).flatMap(([what, { args, message, commands }]) =>
  commands.map((command) => [command, what, args, message] as const),
);

describe('a start that cannot succeed', () => {
  test.each(cases)(
    'of %s with %s is refused before any image is decoded',
    async (command, _, args, message) => {
      const cwd = await broken();
      const cache = temporaryDirectory();
      const before = filesIn(cwd);
      const call = [...(COMMANDS[command]?.(await savedModel()) ?? []), ...args];
      const { code, stderr } = await torchTl(call, { cwd, env: { TORCH_TL_IMAGE_CACHE: cache } });
      expect(stderr).toContain(message);
      expect(stderr.match(/^error: /gm)).toHaveLength(1);
      expect(code).toBe(2);
      expect(filesIn(cwd)).toEqual(before);
      expect(filesIn(cache)).toEqual([]);
    },
  );

  test('notices the images where nothing else is wrong', async () => {
    const cwd = await broken();
    const { code, stderr } = await torchTl(COMMANDS.train?.('') ?? [], { cwd });
    expect(stderr).toContain('cannot be decoded');
    expect(code).toBe(2);
  });
});

describe('a run that goes on', () => {
  test.each<[string, (run: string) => void, string[], string]>([
    ['another option', () => {}, ['--lr', '0.5'], 'its --lr was 0.001 and is now 0.5'],
    ['other weights', () => {}, ['--weights', 'other.safetensors'], 'its --weights was not set'],
    [
      'a checkpoint that is damaged',
      (run) => damage(join(run, 'checkpoint', 'training.safetensors')),
      ['--epochs', '3'],
      'cannot be resumed',
    ],
  ])('refuses %s before any image is decoded, and leaves all as it is', async (_, prepare, args, message) => {
    const cwd = temporaryDirectory();
    const names = ['blue/1.png', 'blue/2.png', 'red/1.png', 'red/2.png'].map((name) => join('colours', name));
    await writeImages(cwd, Object.fromEntries(names.map((name) => [name, RED])));
    const call = ['train', '--data', 'colours', '--out', 'run'];
    const first = await torchTl([...call, '--image-size', '32', '--epochs', '1'], { cwd });
    expect(first).toMatchObject({ code: 0 });
    for (const name of names) writeFileSync(join(cwd, name), 'no image');
    prepare(join(cwd, 'run'));
    const before = filesIn(cwd).map((name) => [name, contentOf(join(cwd, name))]);
    const { code, stderr } = await torchTl([...call, '--resume', ...args], { cwd });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(filesIn(cwd).map((name) => [name, contentOf(join(cwd, name))])).toEqual(before);
  });
});

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'base64');
  } catch {
    return 'a directory';
  }
}

function damage(path: string): void {
  const content = readFileSync(path);
  content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
  writeFileSync(path, content);
}
