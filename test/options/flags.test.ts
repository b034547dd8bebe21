import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addFlags, readFlags } from '../../lib/cli/flags.ts';
import { experimentOptions, featuresOptions, TOPICS } from '../../lib/options/index.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const command = () => addFlags(new Command('run'), experimentOptions).exitOverride();

function read(...args: string[]) {
  const parsed = command().configureOutput({ writeErr: () => {} });
  parsed.parse(args, { from: 'user' });
  return readFlags(parsed, experimentOptions);
}

describe('readFlags', () => {
  test.each<[string[], object]>([
    [['--optimizer', 'sgd', '--momentum', '0.8'], { optimizer: 'sgd', momentum: 0.8 }],
    [['--lr', '1e-4', '--epsilon', '1e-7'], { learningRate: 1e-4, epsilon: 1e-7 }],
    [['--no-nesterov', '--decay-norms-and-biases'], { nesterov: false, decayNormsAndBiases: true }],
    [[], { nesterov: true, decayNormsAndBiases: false, featureCache: true }],
    [['--warmup-epochs', '0.5'], { warmupEpochs: 0.5 }],
    [['--early-stopping-patience', 'off'], { earlyStoppingPatience: 'off' }],
    [['--checkpoint-minutes', 'off'], { checkpointMinutes: 'off' }],
    [['--checkpoint-minutes', '2.5'], { checkpointMinutes: 2.5 }],
    [['--feature-cache', 'maps'], { featureCache: resolve('maps') }],
    [['--no-feature-cache'], { featureCache: false }],
    [['--augmentation', 'strong'], { augmentation: 'strong' }],
    [['--class-weights', 'balanced'], { classWeights: 'balanced' }],
    [['--class-weights', 'cat=2, dog=0.5'], { classWeights: { cat: 2, dog: 0.5 } }],
    [['--class-weights', 'cats, big=2,a=b=3'], { classWeights: { 'cats, big': 2, 'a=b': 3 } }],
    [
      ['--layer-lr', 'denseblock4=1e-4,*.norm1=1e-5'],
      {
        layerLearningRates: { denseblock4: 1e-4, '*.norm1': 1e-5 },
      },
    ],
    [
      ['--freeze', 'conv0, *.norm1,through:denseblock3'],
      {
        freeze: ['conv0', '*.norm1', { through: 'denseblock3' }],
      },
    ],
    [['--freeze', 'none'], { freeze: [] }],
    [['--recipe', 'fine-tune'], { recipe: 'fine-tune' }],
  ])('reads %j', (args, expected) => {
    expect(read(...args)).toMatchObject(expected);
  });

  test('reads the stages of a file', () => {
    const path = join(temporaryDirectory(), 'mine.json');
    writeFileSync(path, '{ "formatVersion": 1, "stages": [{ "epochs": 2, "freeze": "backbone" }] }');
    expect(read('--recipe', path).recipe).toEqual([{ epochs: 2, freeze: 'backbone' }]);
  });

  test.each<[string[], string]>([
    [['--class-weights', 'balancd'], '--class-weights must be balanced, or a weight for each named class'],
    [['--class-weights', 'cat=1,cat=2'], '--class-weights must be'],
    [['--class-weights', ''], '--class-weights must be'],
    [
      ['--class-weights', 'cat=heavy'],
      "--class-weights.cat must be a number from 1e-9 to 1000000000, not 'heavy'",
    ],
    [['--layer-lr', 'denseblock4'], '--layer-lr must be a learning rate for each named layer'],
    [['--freeze', 'conv0,'], "--freeze[1] must be a layer's name or pattern"],
    [['--momentum', ''], "--momentum must be a number of at least 0 and less than 1, not ''"],
    [['--recipe', 'headd'], "Did you mean the recipe 'head'?"],
    [['--augmentation', '0.5'], '--augmentation must be none, light, strong or'],
    [['--optimzer', 'sgd'], '(Did you mean --optimizer?)'],
    [['--no-feature-cahe'], '(Did you mean --no-feature-cache?)'],
    [['--freze', 'none'], '(Did you mean --freeze?)'],
  ])('refuses %j', (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });
});

describe('addFlags', () => {
  test('lists every flag under the heading of its topic', () => {
    const help = command().helpInformation();
    const headings = [...help.matchAll(/^(\S+):$/gm)].map(([, heading]) => heading);
    // Those of a search and of a server are not a run's.
    const topics = TOPICS.filter((topic) => topic !== 'Search' && topic !== 'Server');
    expect(headings).toEqual([...topics, 'Options']);
    const section = (topic: string) => help.split(`\n${topic}:\n`)[1]?.split('\n\n')[0];
    expect(section('Optimiser')).toContain('--lr <rate>');
    expect(section('Schedule')).toContain('--warmup-epochs <n>');
    expect(section('Training')).toMatch(/--feature-cache <dir>.*\n.*--no-feature-cache/);
    expect(section('Output')).toContain('--out <dir>');
  });

  test('shows defaults', () => {
    const help = command().helpInformation().replace(/\s+/g, ' ');
    expect(help).toContain('(default: 1e-8)');
    expect(help).toContain('adam, adamw or sgd (default: adam)');
    expect(help).not.toContain('(default: true)');
  });

  test('makes an option without a default mandatory', () => {
    const features = addFlags(new Command('features'), featuresOptions).exitOverride();
    features.configureOutput({ writeErr: () => {} });
    expect(() => features.parse([], { from: 'user' })).toThrow("required option '--out <file.safetensors>'");
  });
});
