import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { filesUnder, hashesIn, hashOf } from '../../support/file-hashes.ts';
import { writeTree } from '../../support/libtorch.ts';
import { packageCopy } from '../../support/package-copy.ts';
import { writeRun } from '../../support/run-files.ts';
import { writeSample } from '../../support/sample-folder.ts';
import { savedModel } from '../../support/saved-model.ts';
import { smallModel } from '../../support/small-data.ts';
import { smallSources } from '../../support/small-sources.ts';
import { lastingDirectory, shared } from '../../support/temporary-directory.ts';
import { outcomesIn } from '../injection/scenarios.ts';
import type { Kind } from './expected.ts';

/*
 * The commands to which something happens.
 */

/**
 * How long a job runs: a second or two; until something ends it, in short batches; or in batches within which a second
 * signal can come.
 */
export type Pace = 'short' | 'long' | 'slow';

/** What is seen of a process while it runs. */
export interface Sight {
  stdout: string;
  pid: number;
  cwd: string;
}

export interface Job {
  kind: Kind;
  /** Arguments of the command, after what it reads has been put into its directory. */
  args(cwd: string, pace: Pace): Promise<string[]>;
  /** Whether it is in the middle of its work. */
  isUnderWay(sight: Sight): boolean;
  /** Where it answers, if it is a server. */
  url?(cwd: string): string;
  /** Where it writes, in its directory. */
  output?: string;
  /** What it came to, by its files, or by what it has printed. */
  outcome(cwd: string, stdout: string): unknown;
  /** The words of the command, without flags. */
  words: string[];
  /** Whether the arguments are Node's own. */
  isProgram?: true;
  /** Whether it ends by a first signal so soon that no second one can come. */
  isPrompt?: true;
}

/** Of two classes, no two alike. */
const photos = shared(async () => {
  const directory = lastingDirectory();
  await writeSample(directory, 14);
  return directory;
});

/** Enough to be met while they are classified, or copied. */
const manyPhotos = shared(async () => {
  const directory = lastingDirectory();
  await writeSample(directory, 60);
  return directory;
});

/** Takes twenty milliseconds for an image. */
const largeModel = shared(async () => {
  const path = join(lastingDirectory(), 'large.safetensors');
  await (await smallModel({ imageSize: 224 })).save(path);
  return path;
});

/** Long enough that a signal comes in time, and with something to keep: augmentation, dropout, a part that trains. */
const TRAINING = [
  ...['--image-size', '32', '--batch-size', '8', '--seed', '3', '--precision', 'fp32'],
  ...['--freeze', 'through:denseblock3', '--augmentation', 'light', '--no-feature-cache'],
  ...['--early-stopping-patience', 'off', '--out', 'run'],
];

/** Batches of half a second or more. */
const SLOW = ['--image-size', '160', '--batch-size', '24', '--kernels', 'libtorch', '--epochs', '2'];

/** The pace of a pass over images through a large model. */
function paced(pace: Pace): string[] {
  if (pace === 'short') return [];
  return pace === 'slow' ? ['--batch-size', '120', '--kernels', 'libtorch'] : ['--batch-size', '4'];
}

const SAMPLE = ['--data', 'sample', '--limit-train', '24', '--limit-valid', '10'];

const saysEpoch = (stdout: string) => /\nepoch +1\//.test(stdout);
const readsModel = ({ pid }: Sight) => hasLoadedEngine(pid) && isInterruptible(pid);

/** Whether a process has a handler for SIGINT. */
function isInterruptible(pid: number): boolean {
  const caught = /^SigCgt:\s*(\w+)$/m.exec(procFile(pid, 'status'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & 2n) !== 0n;
}

function hasLoadedEngine(pid: number): boolean {
  return procFile(pid, 'maps').includes('libtorch_cpu');
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function trainingJob(
  words: () => Promise<string[]>,
  isUnderWay = ({ stdout }: Sight) => saysEpoch(stdout),
): Omit<Job, 'words'> {
  return {
    kind: 'training',
    args: async (_, pace) => [...(await words()), ...TRAINING, ...(pace === 'slow' ? SLOW : [])],
    isUnderWay,
    output: 'run',
    outcome: (cwd) => outcomesIn(join(cwd, 'run')),
  };
}

export const JOBS: Record<string, Job> = {
  run: {
    ...trainingJob(async () => ['run', 'base-optimized', ...SAMPLE, '--epochs', '3']),
    words: ['run', 'base-optimized'],
  },
  train: {
    ...trainingJob(async () => ['train', await photos(), '--epochs', '3']),
    words: ['train'],
  },
  'train --folds': {
    ...trainingJob(
      async () => ['train', await photos(), '--folds', '2', '--epochs', '2'],
      ({ stdout }) => stdout.includes('\nFold 2 of 2'),
    ),
    words: ['train'],
  },
  'run all': {
    ...trainingJob(
      async () => ['run', 'all', ...SAMPLE, '--epochs', '2'],
      ({ stdout }) => saysEpoch(stdout.split('\nbase\n')[1] ?? ''),
    ),
    words: ['run', 'all'],
  },
  'train --seeds': {
    ...trainingJob(
      async () => ['train', await photos(), '--seeds', '2', '--epochs', '2'],
      ({ stdout }) => saysEpoch(stdout.split('\nseed-4\n')[1] ?? ''),
    ),
    words: ['train', '--seeds', '2'],
  },
  'run --processes': {
    ...trainingJob(async () => ['run', 'base-optimized', ...SAMPLE, '--epochs', '3', '--processes', '2']),
    kind: 'processes',
    words: ['run', 'base-optimized', '--processes', '2'],
  },
  'lr-find': {
    kind: 'pass',
    words: ['lr-find'],
    args: async (_, pace) => [
      ...['lr-find', 'base', '--data', 'sample', '--limit-train', '24', '--kernels', 'libtorch'],
      ...['--steps', pace === 'short' ? '10' : '1000', '--batch-size', pace === 'slow' ? '24' : '8'],
      ...['--image-size', pace === 'slow' ? '160' : '32'],
    ],
    isUnderWay: ({ stdout }) => stdout.includes('\nWeights:'),
    outcome: (_, stdout) => figuresIn(stdout),
  },
  evaluate: {
    kind: 'pass',
    words: ['evaluate'],
    args: async (_, pace) => [
      ...['evaluate', '--weights', await (pace === 'short' ? savedModel() : largeModel())],
      ...['--data', await (pace === 'short' ? photos() : manyPhotos()), ...paced(pace)],
    ],
    isUnderWay: ({ stdout }) => stdout.includes('Data:'),
    outcome: (_, stdout) => figuresIn(stdout),
  },
  features: {
    kind: 'features',
    words: ['features'],
    args: async (cwd, pace) => {
      mkdirSync(join(cwd, 'out'), { recursive: true });
      const images = pace === 'short' ? await photos() : 'sample';
      const size = pace === 'short' ? '64' : '224';
      return ['features', '--data', images, '--image-size', size, '--out', 'out/features', ...paced(pace)];
    },
    isUnderWay: ({ stdout }) => stdout.includes('\nWeights:'),
    output: 'out',
    outcome: (cwd) => hashOf(join(cwd, 'out', 'features')),
  },
  predict: {
    kind: 'pass',
    words: ['predict'],
    args: async (_, pace) => [
      ...['predict', '--weights', await (pace === 'short' ? savedModel() : largeModel()), ...paced(pace)],
      await (pace === 'short' ? photos() : manyPhotos()),
    ],
    isUnderWay: readsModel,
    outcome: (_, stdout) => figuresIn(stdout),
  },
  'predict --copy-to': {
    kind: 'copies',
    words: ['predict'],
    args: async () => ['predict', '--weights', await savedModel(), await manyPhotos(), '--copy-to', 'sorted'],
    isUnderWay: ({ cwd }) => existsSync(join(cwd, 'sorted')),
    output: 'sorted',
    outcome: (cwd) => hashesIn(join(cwd, 'sorted')),
  },
  'data check': {
    kind: 'pass',
    words: ['data', 'check'],
    isPrompt: true,
    args: async (cwd, pace) => {
      mkdirSync(join(cwd, 'out'), { recursive: true });
      const images = pace === 'short' ? await photos() : 'sample';
      return ['data', 'check', images, '--report', 'out/report.html'];
    },
    isUnderWay: ({ stdout }) => stdout.includes('Data:'),
    output: 'out',
    outcome: (cwd) => isWholePage(join(cwd, 'out', 'report.html')),
  },
  export: {
    kind: 'file',
    words: ['export'],
    args: async (cwd) => {
      mkdirSync(join(cwd, 'out'), { recursive: true });
      if (!existsSync(join(cwd, 'out', 'model.pth')))
        cpSync(await savedModel(), join(cwd, 'out', 'model.pth'));
      return ['export', '--weights', await savedModel(), '--out', 'out/model.pth'];
    },
    isUnderWay: isWriting,
    output: 'out',
    outcome: (cwd) => hashOf(join(cwd, 'out', 'model.pth')),
  },
  report: {
    kind: 'file',
    words: ['report'],
    args: async (cwd) => {
      mkdirSync(join(cwd, 'out'), { recursive: true });
      if (!existsSync(join(cwd, 'one'))) writeRun(join(cwd, 'one'));
      return ['report', 'one', '--out', 'out/report.html'];
    },
    isUnderWay: isWriting,
    output: 'out',
    outcome: (cwd) => isWholePage(join(cwd, 'out', 'report.html')),
  },
  build: {
    kind: 'build',
    words: [],
    isProgram: true,
    isPrompt: true,
    args: async (cwd, pace) => {
      const root = packageCopy({ withLoader: false, root: join(cwd, 'package') });
      // Only a checkout has the sources in TypeScript.
      writeTree(root, { ...smallSources({ seconds: pace === 'short' ? 1 : 60 }), 'lib/index.ts': '' });
      return [join(root, 'bin', 'torch-tl.js'), 'build'];
    },
    isUnderWay: ({ cwd }) => existsSync(join(cwd, 'package', 'began')),
    outcome: (cwd) => filesUnder(join(cwd, 'package')).filter(({ path }) => isAddon(path)).length,
  },
};

function isAddon(path: string): boolean {
  return ['torch-tl-loader.node', 'torch-tl-engine.node'].includes(basename(path));
}

/** What a command prints, but for how fast it was. */
function figuresIn(stdout: string): string[] {
  return stdout.split('\n').filter((line) => !line.includes('images/s'));
}

/** Whether it writes a file of a temporary name. */
function isWriting({ cwd }: Sight): boolean {
  return readdirSync(join(cwd, 'out')).some((name) => name.endsWith('.tmp'));
}

function isWholePage(file: string): boolean {
  return existsSync(file) && /<\/html>\s*$/.test(readFileSync(file, 'utf8'));
}
