import type { Command } from 'commander';

/** A command as `torch-tl --help` lists it. */
interface ListedCommand {
  /** What may follow its name. */
  usage: string;
  description: string;
  /** Imports the module that gives it arguments, flags and work: only where it is called, so that others start fast. */
  load(): Promise<{ define(command: Command): void }>;
}

export const COMMANDS: Readonly<Record<string, ListedCommand>> = {
  run: {
    usage: '[options] [experiment]',
    description: "run one of the paper's experiments, or all three",
    load: () => import('./run.ts'),
  },
  train: {
    usage: '[options] [dir|list]',
    description: 'train a classifier of your own images',
    load: () => import('./train.ts'),
  },
  'lr-find': {
    usage: '[options] [experiment]',
    description: 'find a learning rate for an experiment: a few steps at rising rates, which change nothing',
    load: () => import('./lr-find.ts'),
  },
  predict: {
    usage: '[options] <image...>',
    description: 'say what a trained model sees in images',
    load: () => import('./predict.ts'),
  },
  evaluate: {
    usage: '[options] [dir|list]',
    description: 'test a trained model on labelled images: accuracy, loss, precision and recall, confusion',
    load: () => import('./evaluate.ts'),
  },
  report: {
    usage: '[options] <run...>',
    description: 'write a report of a run, or of several side by side: one HTML file',
    load: () => import('./report.ts'),
  },
  export: {
    usage: '[options]',
    description: 'write a model as safetensors, as a state_dict that torch.load reads, or as ONNX',
    load: () => import('./export.ts'),
  },
  describe: {
    usage: '[options] <experiment>',
    description: "list the layers of an experiment's model",
    load: () => import('./describe.ts'),
  },
  features: {
    usage: '[options] [dir|list]',
    description: "write the backbone's last maps of every image to a safetensors file",
    load: () => import('./features.ts'),
  },
  data: {
    usage: '',
    description: 'fetch images to train with',
    load: () => import('./data.ts'),
  },
  weights: {
    usage: '',
    description: 'list, fetch or look into files of weights',
    load: () => import('./weights.ts'),
  },
  doctor: {
    usage: '[options]',
    description: 'show what torch-tl found on this machine and what it will use',
    load: () => import('./doctor.ts'),
  },
  libtorch: {
    usage: '',
    description: 'fetch, list or remove LibTorch, the library that torch-tl runs on',
    load: () => import('./libtorch.ts'),
  },
  build: {
    usage: '[options]',
    description: 'build the engine from source; fetches LibTorch into the cache where there is none',
    load: () => import('./build.ts'),
  },
};
