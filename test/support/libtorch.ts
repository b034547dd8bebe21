import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What Python's torch 2.13.0 for the CPU has as its version.py. */
export const WHEEL_VERSION = `from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.13.0+cpu'
debug = False
cuda: Optional[str] = None
git_version = 'cf30153c4c131c8164ee7798e5022d810682e2cb'
`;

/** Writes files by their path under `directory`, making the directories on the way; gives `directory`. */
export function writeTree(directory: string, files: Record<string, string | Uint8Array>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** A directory that looks like the LibTorch of a wheel, of this version: complete, but with empty libraries. */
export function writeLookalike(root: string, version = '2.13.0+cpu'): string {
  return writeTree(root, {
    'version.py': WHEEL_VERSION.replace('2.13.0+cpu', version),
    'lib/libc10.so': '',
    'lib/libtorch_cpu.so': '',
  });
}

/** A LibTorch whose files are those in `real`, but for the libraries given. */
export function writeVariation(root: string, real: string, libraries: Record<string, Uint8Array>): string {
  writeTree(root, { 'version.py': WHEEL_VERSION });
  mkdirSync(join(root, 'lib'));
  for (const name of ['libc10.so', 'libtorch_cpu.so', 'libgomp.so.1']) {
    const changed = libraries[name];
    if (changed) writeFileSync(join(root, 'lib', name), changed);
    else symlinkSync(join(real, 'lib', name), join(root, 'lib', name));
  }
  return root;
}

/** What is in a cache directory, but for what Pythons have answered. */
export function installedIn(cache: string): string[] {
  return readdirSync(cache).filter((name) => name !== 'pythons.json');
}
