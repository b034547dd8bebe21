import { mkdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { torchTlOnTerminal } from '../support/terminal.ts';
import { torchTl } from './torch-tl.ts';

const SMALL = [
  '--image-size',
  '32',
  '--limit-train',
  '40',
  '--limit-valid',
  '20',
  '--epochs',
  '1',
  '--out',
  'run',
];
const LIBTORCH = locateLibTorch(builtMinors(packageRoot)).root;
const HINT = /npx torch-tl weights download\s+imagenet/g;
const isConnected = Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal));

test('run on a terminal names better weights once, where they can be fetched', async () => {
  const cwd = temporaryDirectory();
  const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_LIBTORCH: LIBTORCH };
  const hinted = await torchTlOnTerminal(['run', 'finetune', '--seeds', '2', ...SMALL], '', { cwd, env });
  expect(hinted.code).toBe(0);
  expect(hinted.stdout.match(HINT) ?? []).toHaveLength(isConnected ? 1 : 0);
});

test('run does not name them where they are, where other weights were asked for, or to a program', async () => {
  const cwd = temporaryDirectory();
  const env = { TORCH_TL_CACHE: join(cwd, 'cache'), TORCH_TL_LIBTORCH: LIBTORCH };
  const random = await torchTlOnTerminal(
    ['run', 'finetune', '--init', 'random', ...SMALL, '--out', 'a'],
    '',
    { cwd, env },
  );
  const program = await torchTl(['run', 'finetune', ...SMALL, '--out', 'b'], { cwd, env });
  mkdirSync(join(cwd, 'cache', 'weights'), { recursive: true });
  writeFileSync(join(cwd, 'cache', 'weights', 'densenet121-imagenet.safetensors'), '');
  const there = await torchTlOnTerminal(['run', 'finetune', ...SMALL, '--out', 'c'], '', { cwd, env });
  for (const { code, stdout } of [random, program, there]) {
    expect(code).toBe(0);
    expect(stdout).not.toMatch(HINT);
  }
});
