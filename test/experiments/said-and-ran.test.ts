import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { givenFlags } from '../../lib/cli/flags.ts';
import { programFor } from '../../lib/cli/main.ts';
import { RunProgress } from '../../lib/cli/run-progress.ts';
import type { Engine, ModelOptions, NativeModel } from '../../lib/engine/native.ts';
import type { TrainOptions } from '../../lib/engine/native-training.ts';
import { recommend } from '../../lib/experiments/recommend.ts';
import { repeat } from '../../lib/experiments/repeat.ts';
import type { RunResults } from '../../lib/experiments/results.ts';
import type { RunControl, RunEvent } from '../../lib/experiments/run-events.ts';
import { runExperiment } from '../../lib/experiments/run-experiment.ts';
import { searchLearningRate } from '../../lib/experiments/search-learning-rate.ts';
import { trainClassifier } from '../../lib/experiments/train-classifier.ts';
import { experimentOptions, searchRunOptions, trainOptions } from '../../lib/options/index.ts';
import { commandOf } from '../../lib/report/command.ts';
import { readRun } from '../../lib/report/read-run.ts';
import { runReport } from '../../lib/report/run-report.ts';
import { BLUE, type Colour, GREEN, RED, writeImages } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * What a run prints and records is compared with what the engine was told, which the engine's own `train` hears.
 */

const STAGES = {
  formatVersion: 1,
  stages: [
    { name: 'norms', epochs: 1, freeze: ['*.norm1'], optimizer: 'sgd', momentum: 0.5, learningRate: 0.01 },
    { epochs: 1, freeze: 'backbone', schedule: 'cosine', minLearningRate: 0.0001 },
    { name: 'as before', epochs: 1, layerLearningRates: { classifier: 0.002 } },
  ],
};

const OWN = ['train', '--image-size', '32', '--data', 'colours'];
const SAMPLE = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];

const CALLS: Record<string, string[]> = {
  'nothing but the data': [...OWN, '--epochs', '2'],
  'a recipe': [...OWN, '--recipe', 'fine-tune', '--epochs', '3'],
  'a recipe and a rate': [...OWN, '--recipe', 'gradual', '--epochs', '4', '--lr', '0.01'],
  'a list of stages': [...OWN, '--recipe', 'stages.json'],
  'layers and SGD': [
    ...[
      ...OWN,
      '--epochs',
      '1',
      '--freeze',
      'denseblock1,*.norm1',
      '--layer-lr',
      'denseblock4=1e-4,classifier=0.01',
    ],
    ...[
      '--optimizer',
      'sgd',
      '--momentum',
      '0.5',
      '--no-nesterov',
      '--weight-decay',
      '0.01',
      '--schedule',
      'step',
    ],
    ...['--decay-norms-and-biases', '--step-epochs', '1', '--step-factor', '0.5', '--min-lr', '1e-6'],
  ],
  'class weights and the like': [
    ...[
      ...OWN,
      '--epochs',
      '2',
      '--class-weights',
      'balanced',
      '--label-smoothing',
      '0.1',
      '--clip-norm',
      '1',
    ],
    ...['--gradient-accumulation-steps', '2', '--batch-size', '4', '--schedule', 'plateau', '--beta1', '0.8'],
  ],
  'weights of some classes': [...OWN, '--epochs', '1', '--class-weights', 'red=2', '--augmentation', 'light'],
  'all of how it computes': [
    ...[
      ...OWN,
      '--epochs',
      '2',
      '--schedule',
      'one-cycle',
      '--early-stopping-patience',
      'off',
      '--seed',
      '7',
    ],
    ...[
      '--precision',
      'fp32',
      '--threads',
      '1',
      '--no-feature-cache',
      '--head',
      'finetune',
      '--ema-decay',
      '0.9',
    ],
    ...['--resize', 'stretch', '--warmup-epochs', '0.5', '--no-image-cache', '--device', 'cpu'],
  ],
  'an experiment': ['run', 'finetune', ...SAMPLE, '--epochs', '1'],
  'an experiment in stages': ['run', 'base', ...SAMPLE, '--epochs', '2', '--recipe', 'fine-tune'],
};

/** A working directory with images, one class of which is rarer, and a recipe. */
async function images(): Promise<string> {
  const cwd = temporaryDirectory();
  const classes: Array<[string, Colour, number]> = [
    ['blue', BLUE, 6],
    ['green', GREEN, 6],
    ['red', RED, 3],
  ];
  const files = classes.flatMap(([name, colour, count]) =>
    Array.from({ length: count }, (_, index) => [join('colours', name, `${index}.png`), colour] as const),
  );
  await writeImages(cwd, Object.fromEntries(files));
  writeFileSync(join(cwd, 'stages.json'), JSON.stringify(STAGES));
  return cwd;
}

/** What the engine is told of each training, which it does all the same. */
const told: TrainOptions[] = [];

vi.mock('../../lib/engine/engine.ts', async (original) => {
  const { loadEngine, ...others } = await original<typeof import('../../lib/engine/engine.ts')>();
  return { ...others, loadEngine: () => listening(loadEngine()) };
});

/** The engine itself, whose methods must be called on it, but for whom `train` is heard. */
function listening(engine: Engine): Engine {
  return forwarding(engine, {
    createModel: (options: ModelOptions) => {
      const job = engine.createModel(options);
      return { result: job.result.then(heard), abort: () => job.abort() };
    },
  });
}

function heard(model: NativeModel): NativeModel {
  return forwarding(model, {
    train: (...args: Parameters<NativeModel['train']>) => {
      told.push(args[2]);
      return model.train(...args);
    },
    findLearningRate: (...args: Parameters<NativeModel['findLearningRate']>) => {
      told.push(args[1]);
      return model.findLearningRate(...args);
    },
  });
}

function forwarding<Target extends object>(target: Target, own: Partial<Target>): Target {
  return new Proxy(own as Target, {
    get(_, name) {
      if (name in own) return own[name as keyof Target];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Does what the command line does with these words, in this process. */
async function call(
  words: string[],
  cwd: string,
  out: string,
  control: RunControl = {},
): Promise<RunResults> {
  const program = await programFor(words);
  const command = program.commands.find((one) => one.name() === words[0]);
  if (!command) throw new Error(`There is no command ${words[0]}.`);
  command.action(() => {});
  const before = process.cwd();
  process.chdir(cwd);
  try {
    await program.parseAsync([...words, '--out', out], { from: 'user' });
    const { config } = command.opts<{ config?: string }>();
    if (words[0] === 'train')
      return await trainClassifier(givenFlags(command, trainOptions) as never, control);
    const given = givenFlags(command, experimentOptions);
    if (config !== undefined) return await repeat(config, undefined, given, control);
    return await runExperiment(command.args[0] as string, given, control);
  } finally {
    process.chdir(before);
  }
}

/** The same, until the engine has been told what to train. */
async function begin(words: string[], cwd: string, out: string): Promise<void> {
  const controller = new AbortController();
  const onEvent = ({ type }: RunEvent) => type === 'stage' && controller.abort(new Error('told'));
  await expect(call(words, cwd, out, { signal: controller.signal, onEvent })).rejects.toThrow('told');
}

/** But for where features are kept, which is by the directory and the memory that is free. */
function comparable({ featureCache, ...told }: TrainOptions | undefined = {} as TrainOptions) {
  return { ...told, featureCache: featureCache !== null };
}

describe('what a run says and records is what the engine was told', () => {
  test.each(Object.entries(CALLS))('with %s', async (_, words) => {
    told.length = 0;
    const cwd = await images();
    const out = join(cwd, 'out');
    const lines: string[] = [];
    const events: RunEvent[] = [];
    const view = new RunProgress({ line: (text) => lines.push(text), bar: () => {}, end: () => {} });
    const onEvent = (event: RunEvent) => {
      events.push(event);
      view.show(event);
    };
    const results = await call(words, cwd, out, { onEvent });
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
    const [first] = told as [TrainOptions];

    for (const record of [results, config, JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))]) {
      expect(record.batchSize).toBe(first.batchSize);
      expect(record.seed).toBe(first.seed);
      expect(record.precision).toBe(first.precision);
      expect(record.classWeights && Object.values(record.classWeights)).toEqual(first.classWeights);
      expect(record.stages.map(engineStage)).toEqual(first.stages.map(toldStage));
      const trained = events.flatMap((event) => (event.type === 'stage' ? [event.trainableParameters] : []));
      expect(record.stages.map((stage: RunResults['stages'][number]) => stage.trainableParameters)).toEqual(
        trained,
      );
      expect(record.trainableParameters).toBeGreaterThanOrEqual(Math.max(...trained));
      expect(record.trainableParameters).toBeLessThanOrEqual(record.totalParameters);
    }
    for (const [name, value] of Object.entries(config.options)) expectInEffect(name, value, first);

    const shown = lines.filter((line) => line.startsWith('Stage '));
    expect(shown).toHaveLength(first.stages.length === 1 ? 0 : first.stages.length);
    for (const [index, line] of shown.entries()) {
      const { optimizer, schedule } = first.stages[index] as TrainOptions['stages'][number];
      expect(line).toMatch(new RegExp(`${optimizer.type}, .*schedule ${schedule.type}$`));
    }

    const run = await readRun(out);
    const page = runReport(run).text;
    for (const { optimizer, schedule } of first.stages) {
      expect(page).toContain(optimizer.type);
      expect(page).toContain(`schedule ${schedule.type}`);
    }
    const written = commandOf(run);
    expect(written === null).toBe(words.includes('stages.json'));
    await begin(['run', '--config', join(out, 'config.json')], cwd, join(cwd, 'by config'));
    if (written) await begin(written, temporaryDirectory(), join(cwd, 'by command'));
    for (const again of told.slice(1)) expect(comparable(again)).toEqual(comparable(first));
    expect(told).toHaveLength(written ? 3 : 2);
  });
});

/** A stage as it is recorded, and as the engine is told of it, in the same words. */
function engineStage(stage: RunResults['stages'][number]) {
  const { epochs, optimizer, learningRate, schedule, earlyStoppingPatience, layerLearningRates = {} } = stage;
  const patience = earlyStoppingPatience === 'off' ? null : earlyStoppingPatience;
  const rates = [...new Set(Object.values(layerLearningRates))].sort();
  return { epochs, optimizer, learningRate, schedule, patience, rates };
}

function toldStage({
  epochs,
  optimizer,
  learningRate,
  schedule,
  earlyStopping,
  ...stage
}: TrainOptions['stages'][number]) {
  const rates = [...new Set(stage.layerLearningRates.map((group) => group.learningRate))].sort();
  const patience = earlyStopping?.patience ?? null;
  return { epochs, optimizer: optimizer.type, learningRate, schedule: schedule.type, patience, rates };
}

/** A recorded option of how a stage trains is what some stage was told. */
function expectInEffect(name: string, value: unknown, { stages, ...told }: TrainOptions): void {
  const inStages = stages.map(({ optimizer, schedule, earlyStopping, ...stage }) => ({
    ...stage,
    ...optimizer,
    ...schedule,
    optimizer: optimizer.type,
    schedule: schedule.type,
    earlyStoppingPatience: earlyStopping?.patience ?? 'off',
    earlyStoppingMinDelta: earlyStopping?.minDelta,
  }));
  if (name === 'epochs') expect(inStages.reduce((sum, stage) => sum + stage.epochs, 0)).toBe(value);
  else if (name === 'layerLearningRates' || name === 'learningRate') return;
  else if (inStages[0] && name in inStages[0]) {
    expect(inStages.map((stage) => (stage as Record<string, unknown>)[name])).toContainEqual(value);
  } else if (
    ['batchSize', 'seed', 'labelSmoothing', 'clipNorm', 'gradientAccumulationSteps', 'emaDecay'].includes(
      name,
    )
  ) {
    expect((told as Record<string, unknown>)[name]).toEqual(value);
  }
}

describe('lr-find searches for the rate of what train would train first', () => {
  test.each<[string, string[]]>([
    ['nothing but the data', []],
    [
      'layers',
      ['--freeze', 'denseblock1,*.norm1', '--optimizer', 'sgd', '--batch-size', '8', '--head', 'finetune'],
    ],
    ['class weights', ['--class-weights', 'balanced', '--label-smoothing', '0.1', '--augmentation', 'light']],
  ])('with %s', async (_, words) => {
    told.length = 0;
    const cwd = await images();
    const data = join(cwd, 'colours');
    const sizes: number[] = [];
    const size = (event: { type: string; imageSize?: number; setup?: { imageSize: number } }) => {
      if (event.type === 'model' || event.type === 'setup')
        sizes.push(event.imageSize ?? event.setup?.imageSize ?? 0);
    };
    const command = (await programFor(['lr-find'])).commands.find((one) => one.name() === 'lr-find');
    command?.action(() => {}).parse(['--data', data, '--steps', '2', ...words], { from: 'user' });
    const given = givenFlags(command as NonNullable<typeof command>, searchRunOptions);
    await searchLearningRate(null, given, { onEvent: size });
    await call(['train', '--data', data, '--epochs', '2', ...words], cwd, join(cwd, 'out'), {
      onEvent: size,
    });
    const [search, training] = told.map(({ stages: [first], ...others }) => {
      const { trainable, optimizer, learningRate, layerLearningRates } =
        first as TrainOptions['stages'][number];
      const { batchSize, seed, precision, labelSmoothing, classWeights, augmentation } = others;
      const whole = { batchSize, seed, precision, labelSmoothing, classWeights, augmentation };
      return { trainable, optimizer, learningRate, layerLearningRates, ...whole };
    });
    expect(search).toEqual(training);
    expect(sizes[0]).toBe(sizes[1]);
    expect(sizes).toHaveLength(2);
  });
});

describe('what is recommended', () => {
  test.each([100, 5_000, 50_000])('for %i images has an effect, and says why of nothing else', (count) => {
    expect(recommend(count, { recipe: 'fine-tune' }).options).not.toHaveProperty('schedule');
    expect(recommend(count, { recipe: 'fine-tune' }).reason).not.toMatch(/head/);
    expect(recommend(count, { recipe: STAGES.stages as never }).options).not.toHaveProperty('epochs');
    expect(recommend(count, { epochs: 1 }).options.recipe).toBe('head');
    const { options } = recommend(count, {});
    expect('schedule' in options).toBe(options.recipe === 'head');
  });
});
