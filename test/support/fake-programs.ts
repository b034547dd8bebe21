import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { writeTree } from './libtorch.ts';

/** Shell scripts under the names of programs, in a directory for PATH, where there is nothing else. */
export function writePrograms(directory: string, scripts: Record<string, string>): string {
  for (const [name, script] of Object.entries(scripts)) {
    writeTree(directory, { [name]: `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n` });
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

/**
 * A Python without torch whose pip, asked to install, does what the script says; `$target` is where to.
 */
export function pythonWithPip(script: string): string {
  return `case "$*" in
  -c*) echo '["/usr", "python3", null]'; exit 0;;
  *--version*) exit 0;;
esac
arguments="$*"
while [ "$1" != --target ]; do shift; done
target="$2"
${script}`;
}

/** An nvidia-smi with one GPU. */
export function nvidiaSmi(driver: string, capability: string): string {
  return `echo "${driver}, ${capability}"`;
}
