import { spawnSync } from 'node:child_process';
import { expect, onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

/** Root in a container often may not mount. */
export const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

/** A directory on a disk of 64 KiB of its own, for the running test. */
export function smallDisk(): string {
  const disk = temporaryDirectory();
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status).toBe(0);
  onTestFinished(() => void spawnSync('umount', [disk]));
  return disk;
}
