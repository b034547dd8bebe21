import { InputError } from '../errors.ts';
import type { HeadName } from '../options/head.ts';
import { nearest } from '../support/nearest.ts';

/*
 * The three experiments of "Understanding Transfer Learning as a methodology for efficiency in
 * training CNN's models" (Edward A. Ortiz), and what the paper reports of each.
 */

export interface Experiment {
  title: string;
  head: HeadName;
  /** What the backbone starts from by default. */
  init: 'pretrained' | 'random';
  /** Whether only the head trains. */
  frozenBackbone: boolean;
  paper: PaperFigures;
}

/** Figures that the paper reports, on CIFAR-10 at 155x155 in 32 epochs. */
export interface PaperFigures {
  trainableParameters: number;
  /** Fraction. */
  validAccuracy: number;
  /** Cross-entropy, natural logarithm; the paper writes it as a percentage. */
  validLoss: number;
  minutes: number;
  /** Weights that the paper's backbone started from. */
  weights: string;
  /** Numbers of the paper's figures that plot validation accuracy and validation loss per epoch. */
  figures: { accuracy: number; loss: number };
}

/** Settings that all three experiments share. */
export const PAPER = { imageSize: 155, epochs: 32, classCount: 10, trainCount: 50_000, validCount: 10_000 };

export type ExperimentName = 'base' | 'base-optimized' | 'finetune';

export const experiments: Readonly<Record<ExperimentName, Experiment>> = {
  base: {
    title: 'base model, regular training',
    head: 'base',
    init: 'random',
    frozenBackbone: false,
    paper: {
      trainableParameters: 6_964_106,
      validAccuracy: 0.8659,
      validLoss: 0.65,
      minutes: 13.8,
      weights: 'not said',
      figures: { accuracy: 9, loss: 12 },
    },
  },
  'base-optimized': {
    title: 'base model with optimisation and regularisation',
    head: 'base-optimized',
    init: 'pretrained',
    frozenBackbone: false,
    paper: {
      trainableParameters: 7_252_746,
      validAccuracy: 0.9535,
      validLoss: 0.1629,
      minutes: 139.5,
      weights: 'not said',
      figures: { accuracy: 7, loss: 10 },
    },
  },
  finetune: {
    title: 'transfer learning, frozen backbone',
    head: 'finetune',
    init: 'pretrained',
    frozenBackbone: true,
    paper: {
      trainableParameters: 4_262_026,
      validAccuracy: 0.9272,
      validLoss: 0.3367,
      minutes: 44.1,
      weights: 'ImageNet',
      figures: { accuracy: 8, loss: 11 },
    },
  },
};

/** @throws InputError `INVALID_ARGUMENT` for an unknown name; the nearest is named */
export function experimentName(name: string): ExperimentName {
  return oneOf(name, Object.keys(experiments) as ExperimentName[]);
}

/** The same where `all` may stand for all three. */
export function experimentNameOrAll(name: string): ExperimentName | 'all' {
  return oneOf(name, [...(Object.keys(experiments) as ExperimentName[]), 'all']);
}

function oneOf<Name extends string>(name: string, names: readonly Name[]): Name {
  const found = names.find((known) => known === name);
  if (found !== undefined) return found;
  const suggestion = nearest(name, names);
  throw new InputError(
    'INVALID_ARGUMENT',
    `There is no experiment '${name}'; ${suggestion ? `did you mean '${suggestion}'? They` : 'they'} are ${names.join(', ')}.`,
  );
}
