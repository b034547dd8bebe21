import { readFileSync } from 'node:fs';

const SIGHUP = 1n;
const ACCESS_MODE = 3;
const WRITE_ONLY = 1;

/**
 * Whether whoever started this process wants it to outlive its terminal, as nohup does. Node gives SIGHUP its default
 * again when it starts, whoever ignored it; what is left of nohup is a standard input that cannot be read, or, where it
 * runs a script, a parent that ignores the signal. Elsewhere than on Linux neither can be seen.
 */
export function outlivesTerminal(): boolean {
  return isStdinOfNohup() || parentIgnoresHangup();
}

function isStdinOfNohup(): boolean {
  const flags = field('/proc/self/fdinfo/0', 'flags');
  return flags !== null && (Number.parseInt(flags, 8) & ACCESS_MODE) === WRITE_ONLY;
}

function parentIgnoresHangup(): boolean {
  const ignored = field(`/proc/${process.ppid}/status`, 'SigIgn');
  return ignored !== null && ((BigInt(`0x${ignored}`) >> (SIGHUP - 1n)) & 1n) === 1n;
}

/** Null where there is no such file, or nothing of that name in it. */
function field(file: string, name: string): string | null {
  try {
    return new RegExp(`^${name}:\\s*(\\w+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
