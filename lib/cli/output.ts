import { fstatSync, writeSync } from 'node:fs';
import { TorchTlError } from '../errors.ts';
import { reason } from '../support/files.ts';
import { shownText } from '../support/printable.ts';

/*
 * Output to stdout. `print` writes the result that a command was asked for, completely or with an error. `say` writes
 * everything else, such as progress or the path of a file; a failure there does not stop the command.
 */

let isSilent = false;

/** Whether nothing is to be printed but errors, since another process of the job prints the same. */
export function setQuiet(quiet: boolean): void {
  isSilent = quiet;
}

export function isQuiet(): boolean {
  return isSilent;
}

/**
 * Prints the result of a command. A reader that closes the pipe early is not an error.
 *
 * @throws TorchTlError `WRITE_FAILED` if not all of it can be written
 */
export function print(text: string): void {
  if (isSilent) return;
  if (!isFile()) {
    say(text);
    return;
  }
  // Node's own stream does not report that the disk took only a part.
  const bytes = Buffer.from(`${shownText(text)}\n`);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(process.stdout.fd, bytes, done);
  } catch (cause) {
    const why = reason(cause as NodeJS.ErrnoException);
    throw new TorchTlError('WRITE_FAILED', `Cannot write all of the output to stdout: ${why}.`, { cause });
  }
}

/** Prints a line; a failure does not stop the command, see `watchOutput`. */
export function say(text: string): void {
  if (isSilent) return;
  process.stdout.write(`${shownText(text)}\n`);
}

/**
 * From now on a line that cannot be written does not end the process. A full disk or a closed terminal is reported once
 * on stderr; a reader such as `head` may close the pipe at any time.
 */
export function watchOutput(): void {
  isSilent = false;
  let isReported = false;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isReported) return;
    isReported = true;
    process.stderr.write(`Warning: cannot write to stdout: ${reason(error)}. The command continues.\n`);
  });
}

/** Whether stdout is a file, or a device other than a terminal. */
function isFile(): boolean {
  if (process.stdout.isTTY) return false;
  try {
    const status = fstatSync(process.stdout.fd);
    return status.isFile() || status.isCharacterDevice();
  } catch {
    return false;
  }
}
