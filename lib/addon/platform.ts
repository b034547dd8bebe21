import { readFileSync } from 'node:fs';
import { TorchTlError } from '../errors.ts';

/**
 * Refuses to run on musl: LibTorch is built for glibc only.
 *
 * @throws TorchTlError `MUSL_UNSUPPORTED`
 */
export function refuseMusl(): void {
  if (process.platform !== 'linux' || !usesMusl(memoryMap())) return;
  throw new TorchTlError(
    'MUSL_UNSUPPORTED',
    'This system uses musl as its C library (Alpine Linux does), and LibTorch is built for glibc only. ' +
      'Use a glibc system, such as Debian, Ubuntu or Fedora, or the node:22-slim image in place of node:22-alpine.',
  );
}

/** Whether a process with the memory map `map` (`/proc/self/maps`) was started by musl's loader. */
export function usesMusl(map: string): boolean {
  return /\/ld-musl-[^/\s]+$/m.test(map);
}

function memoryMap(): string {
  try {
    return readFileSync('/proc/self/maps', 'utf8');
  } catch {
    return '';
  }
}

/** The version of glibc in this process, such as `2.36`; null without glibc. */
export function glibcVersion(): string | null {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ?? null;
}
