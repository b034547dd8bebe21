import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findLoader } from '../../lib/addon/engines.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { type Ended, type Invocation, nodeProcess } from '../cli/torch-tl.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A copy of this package as it is when installed, but without any engine, in a temporary directory or the given one. */
export function packageCopy({ withLoader = true, root = temporaryDirectory() } = {}): string {
  for (const name of ['bin', 'dist', 'package.json']) {
    cpSync(join(packageRoot, name), join(root, name), { recursive: true });
  }
  const modules = join(root, 'node_modules');
  if (!existsSync(modules)) symlinkSync(join(packageRoot, 'node_modules'), modules);
  if (withLoader) cpSync(loaderPath(), join(prebuilds(root), 'torch-tl.node'));
  return root;
}

/** The loader that this checkout uses. */
export function loaderPath(): string {
  return findLoader(packageRoot)?.path ?? '';
}

/** Where the addons of a package for this machine are, under its root or a `libtorch-<minor>`. */
export function prebuilds(directory: string): string {
  return join(directory, 'prebuilds', `${process.platform}-${process.arch}`);
}

/** Calls the command line of a copy. */
export function torchTlOf(root: string, args: string[], invocation: Invocation): Promise<Ended> {
  return nodeProcess([join(root, 'bin', 'torch-tl.js'), ...args], invocation);
}
