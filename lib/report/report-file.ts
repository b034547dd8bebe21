import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { readInto, withRegularFile } from '../support/regular-file.ts';
import { GENERATOR } from './page.ts';

/** Name of a run's report in its directory, and of a comparison in a directory of runs. */
export const REPORT = 'report.html';

/**
 * Makes sure that the file does not exist or is a report, which may be replaced.
 *
 * @param flag that names another file
 * @throws InputError `OUTPUT_EXISTS` or `FILE_UNREADABLE`
 */
export async function requireReplaceable(file: string, flag = '--out'): Promise<void> {
  const beginning = await beginningOf(file);
  if (beginning === null || beginning.includes(GENERATOR)) return;
  throw new InputError(
    'OUTPUT_EXISTS',
    `${resolve(file)} exists and is not a report, so it is not replaced. Give another file with ${flag}, or move it away.`,
  );
}

/** Whether there is a report of that name that can be read. */
export async function isReport(file: string): Promise<boolean> {
  const beginning = await beginningOf(file).catch(() => null);
  return beginning?.includes(GENERATOR) === true;
}

async function beginningOf(path: string): Promise<string | null> {
  try {
    return await withRegularFile(path, async (file) => {
      const bytes = Buffer.alloc(512);
      return bytes.toString('utf8', 0, await readInto(file, bytes, 0));
    });
  } catch (cause) {
    // Where a directory is missing, or is a file, it is said of that.
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return null;
    throw unreadable(path, cause);
  }
}
