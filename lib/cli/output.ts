import { fstatSync, writeSync } from 'node:fs';
import { TorchTlError } from '../errors.ts';
import { reason } from '../support/files.ts';
import { shownText } from '../support/printable.ts';

/*
 * What a command writes to stdout. What it was asked for goes there by `print`: whole, or with an error. All else, such as
 * how a training goes or where a file was written, goes there by `say`, and is no reason to stop.
 */

/**
 * Prints what the command was asked for. A reader that leaves before the end is no error.
 *
 * @throws TorchTlError `WRITE_FAILED` where not all of it can be written
 */
export function print(text: string): void {
  if (!isFile()) {
    say(text);
    return;
  }
  // Node's own stream would not notice that the disk took a part only.
  const bytes = Buffer.from(`${shownText(text)}\n`);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(process.stdout.fd, bytes, done);
  } catch (cause) {
    const why = reason(cause as NodeJS.ErrnoException);
    throw new TorchTlError('WRITE_FAILED', `Cannot write all of the output to stdout: ${why}.`, { cause });
  }
}

/** Prints a line that the work does not depend on; see `watchOutput`. */
export function say(text: string): void {
  process.stdout.write(`${shownText(text)}\n`);
}

/**
 * From now on no line that cannot be written ends the work: of a full disk or a lost terminal stderr is told, once; a
 * reader such as `head` may leave when it likes.
 */
export function watchOutput(): void {
  let isTold = false;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isTold) return;
    isTold = true;
    process.stderr.write(`Warning: stdout cannot be written: ${reason(error)}. The work goes on.\n`);
  });
}

/** A file, or a device that is no terminal. */
function isFile(): boolean {
  if (process.stdout.isTTY) return false;
  try {
    const status = fstatSync(process.stdout.fd);
    return status.isFile() || status.isCharacterDevice();
  } catch {
    return false;
  }
}
