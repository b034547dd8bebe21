import { builtMinors } from '../addon/engines.ts';
import { findLibTorch } from '../libtorch/locate.ts';
import { packageRoot } from '../support/package-root.ts';
import { packageVersion } from '../support/version.ts';
import { columns } from './table.ts';

/** What `torch-tl` alone prints: what to do next on this machine. */
export function firstSteps(): string {
  const steps = [
    ...(findLibTorch(builtMinors(packageRoot)) ? [] : [INSTALL]),
    ['npx torch-tl run finetune', 'trains on embedded images, to see it work'],
    ['npx torch-tl train --data DIR', 'trains on your own: DIR/<class>/*.jpg, a folder a class'],
    ['npx torch-tl --help', 'lists all commands; each takes --help too'],
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

const INSTALL = ['npx torch-tl libtorch install', 'first, once: fetches LibTorch, which it runs on'];
