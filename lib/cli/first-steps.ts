import { builtMinors } from '../addon/engines.ts';
import { findLibTorch } from '../libtorch/locate.ts';
import { packageRoot } from '../support/package-root.ts';
import { packageVersion } from '../support/version.ts';
import { columns } from './table.ts';

/** Output of `torch-tl` without arguments: the next steps on this machine. */
export function firstSteps(): string {
  const steps = [
    ...(findLibTorch(builtMinors(packageRoot)) ? [] : [INSTALL]),
    ['npx torch-tl run finetune', 'train on embedded images as a first try'],
    ['npx torch-tl train --data DIR', 'train on your own images, one folder per class: DIR/<class>/*.jpg'],
    ['npx torch-tl --help', 'list all commands; each has its own --help'],
  ];
  return [
    `torch-tl ${packageVersion()}: transfer learning with DenseNet-121`,
    '',
    columns(
      steps.map(([line, what]) => [`  ${line}`, what ?? '']),
      ['left', 'left'],
    ),
  ].join('\n');
}

const INSTALL = ['npx torch-tl libtorch install', 'install LibTorch first; this is needed once'];
