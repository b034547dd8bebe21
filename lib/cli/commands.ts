import type { Command } from 'commander';

/** A command as `torch-tl --help` lists it. */
interface ListedCommand {
  /** Options and arguments. */
  usage: string;
  description: string;
  /** Imports the module that defines the command. Only the called command is imported, so that each one starts fast. */
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
    description: 'train a classifier on your own images',
    load: () => import('./train.ts'),
  },
  'lr-find': {
    usage: '[options] [experiment]',
    description: 'find a learning rate for an experiment or for your own images, in a few steps',
    load: () => import('./lr-find.ts'),
  },
  predict: {
    usage: '[options] <image...>',
    description: 'classify images with a trained model',
    load: () => import('./predict.ts'),
  },
  serve: {
    usage: '[options]',
    description: 'answer HTTP requests with predictions, and give a page to try the model',
    load: () => import('./serve.ts'),
  },
  evaluate: {
    usage: '[options] [dir|list]',
    description: 'evaluate a trained model on labelled images: accuracy, loss, precision, recall, confusions',
    load: () => import('./evaluate.ts'),
  },
  watch: {
    usage: '[options] [dir]',
    description: 'follow runs in the browser while they train, or look at finished ones',
    load: () => import('./watch.ts'),
  },
  report: {
    usage: '[options] <run...>',
    description: 'write an HTML report of a run, or a comparison of several runs',
    load: () => import('./report.ts'),
  },
  export: {
    usage: '[options]',
    description: 'export a model as safetensors, as a state_dict for torch.load, or as ONNX',
    load: () => import('./export.ts'),
  },
  describe: {
    usage: '[options] <experiment>',
    description: "list the layers of an experiment's model",
    load: () => import('./describe.ts'),
  },
  features: {
    usage: '[options] [dir|list]',
    description: 'write the features that the backbone computes from images to a safetensors file',
    load: () => import('./features.ts'),
  },
  data: {
    usage: '',
    description: 'check images and labels before training, or download images to train on',
    load: () => import('./data.ts'),
  },
  weights: {
    usage: '',
    description: 'list, download or inspect weights',
    load: () => import('./weights.ts'),
  },
  cache: {
    usage: '',
    description: 'list or remove what is kept on the disk: features, decoded images, LibTorch, weights',
    load: () => import('./cache.ts'),
  },
  doctor: {
    usage: '[options]',
    description: 'show what torch-tl found on this machine and what it will use',
    load: () => import('./doctor.ts'),
  },
  libtorch: {
    usage: '',
    description: 'install, list or remove LibTorch, the library that torch-tl runs on',
    load: () => import('./libtorch.ts'),
  },
  build: {
    usage: '[options]',
    description: 'build the engine from source; installs LibTorch into the cache if there is none',
    load: () => import('./build.ts'),
  },
};
