import { readFileSync } from 'node:fs';

const SIGHUP = 1n;
const ACCESS_MODE = 3;
const WRITE_ONLY = 1;

/**
 * Whether the process shall keep running after its terminal is closed, as under nohup. Node resets SIGHUP to its
 * default when it starts, so the signal's disposition does not show it. nohup shows in a standard input that is
 * write-only, or, if it runs a script, in a parent that ignores SIGHUP. Both can be detected on Linux only.
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

/** Value of a field in a file of /proc; null if file or field does not exist. */
function field(file: string, name: string): string | null {
  try {
    return new RegExp(`^${name}:\\s*(\\w+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
