import { readFileSync, writeFileSync } from 'node:fs';

/*
 * What reading one input may take: seconds and memory, as docs/reliability.md promises.
 */

/** Seconds of processor time. Others may use the processors too, so the clock on the wall would tell of them. */
export const SECONDS = 5;

/** Factor of the limits among other tests, which leave garbage and take caches from the processors. */
export const AMONG_TESTS = 2;

/** Memory that reading may take: an amount for any input, and an amount for each of its bytes. */
export interface MemoryLimit {
  fixed: number;
  perByte: number;
}

/** What most readers promise. The fixed part is garbage of Node.js that it has not collected yet, more than data. */
export const MEMORY: MemoryLimit = { fixed: 128 << 20, perByte: 64 };

/** What readers of pickles promise: an empty dict is one byte there. */
export const PICKLE_MEMORY: MemoryLimit = { fixed: 128 << 20, perByte: 256 };

/** Does some work on an input of `size` bytes, and throws if it took more time or memory than `slack` times what it may. */
export async function withinLimits(
  size: number,
  { fixed, perByte }: MemoryLimit,
  slack: number,
  work: () => Promise<void>,
): Promise<void> {
  const before = restartPeak();
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  const most = slack * SECONDS;
  if (seconds > most) throw new Error(`It took ${seconds.toFixed(1)} s, more than ${most} s`);
  requireWithin(peakMemory() - before, size, { fixed: slack * fixed, perByte: slack * perByte });
}

/** Throws if reading `size` bytes took more memory than it may. */
export function requireWithin(taken: number, size: number, { fixed, perByte }: MemoryLimit): void {
  const most = fixed + perByte * size;
  if (taken > most) throw new Error(`It took ${taken} bytes of memory for ${size}, more than ${most}`);
}

type Process = number | 'self';

/** Forgets the largest memory of a process so far, and returns what it has now. Linux alone can do that. */
export function restartPeak(pid: Process = 'self'): number {
  if (process.platform !== 'linux') return 0;
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return peakMemory(pid);
}

/** The largest memory that a process has had, in bytes. */
export function peakMemory(pid: Process = 'self'): number {
  if (process.platform !== 'linux') return 0;
  const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kibibytes) * 1024;
}
