import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A control group inside this process's, empty; null where this process may make none. */
function makeGroup(): string | null {
  const own = existsSync('/proc/self/cgroup') ? readFileSync('/proc/self/cgroup', 'utf8') : '';
  const [, first] = /^\d+:memory:(.*)$/m.exec(own) ?? [];
  const [, second] = /^0::(.*)$/m.exec(own) ?? [];
  const parent =
    first === undefined ? join('/sys/fs/cgroup', second ?? '') : join('/sys/fs/cgroup/memory', first);
  const group = join(parent, `torch-tl-test-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    mkdirSync(group);
  } catch {
    return null;
  }
  if (existsSync(join(group, 'memory.max')) || existsSync(join(group, 'memory.limit_in_bytes'))) return group;
  rmdirSync(group);
  return null;
}

/** Whether this process may make control groups. */
export function mayMakeGroups(): boolean {
  const group = makeGroup();
  if (group !== null) rmdirSync(group);
  return group !== null;
}

/** A control group of so many bytes, empty, for the running test. A process enters it by its number in `cgroup.procs`. */
export function limitedGroup(bytes: number): string {
  const group = makeGroup() as string;
  onTestFinished(() => rmdirSync(group));
  const name = existsSync(join(group, 'memory.max')) ? 'memory.max' : 'memory.limit_in_bytes';
  writeFileSync(join(group, name), String(bytes));
  return group;
}
