import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addFlags, readFlags } from '../../lib/cli/flags.ts';
import { experimentOptions, trainOptions } from '../../lib/options/index.ts';
import { commandOf, shellText } from '../../lib/report/command.ts';

test.for([
  {},
  { data: '/my images', limitTrain: 60, epochs: 3, learningRate: 1e-4 },
  { featureCache: false, nesterov: false, skipCorrupt: true, earlyStoppingPatience: 'off' },
  {
    featureCache: '/tmp/features',
    freeze: ['backbone', { through: 'norm5' }],
    classWeights: { cat: 2, dog: 0.5 },
  },
  { freeze: [], layerLearningRates: { conv0: 1e-5 }, recipe: 'fine-tune', classWeights: 'balanced' },
])('the command line of options gives these options: %j', (options) => {
  for (const [experiment, schema] of [
    ['finetune', experimentOptions],
    ['train', trainOptions],
  ] as const) {
    const given = schema.parse(options);
    const words = commandOf({ experiment, options: given }) ?? [];
    const command = addFlags(new Command(), schema);
    command.parse(words.slice(experiment === 'train' ? 1 : 2), { from: 'user' });
    expect(readFlags(command, schema)).toEqual(given);
  }
});

test.for([
  { recipe: [{ epochs: 1, freeze: 'backbone' }] },
  { augmentation: { flip: true } },
  { freeze: '/norm[12]/', unheardOf: 1 },
  { classWeights: { 'a=1,b': 2 } },
])('there is none for what flags cannot say: %j', (options) => {
  expect(commandOf({ experiment: 'finetune', options })).toBeNull();
});

test('words are quoted for a shell where they must be', () => {
  expect(shellText(['--data', "/my 'best' images", '--freeze', 'a.*', '--weights', ''])).toBe(
    `--data '/my '\\''best'\\'' images' --freeze 'a.*' --weights ''`,
  );
});
