import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { unreadable } from '../support/files.ts';
import { readInto, withRegularFile } from '../support/regular-file.ts';
import { comparisonReport } from './comparison-report.ts';
import { GENERATOR } from './page.ts';
import { type ReportedRun, readRun } from './read-run.ts';
import { runReport } from './run-report.ts';

/**
 * Writes a report of one run, or a comparison of several runs, as a self-contained HTML file. An existing report is
 * replaced.
 *
 * @param directories run directories, of finished and unfinished runs; duplicates are ignored
 * @param file path of the report
 * @throws InputError `RUN_INVALID` for a directory that does not hold a run or a damaged file in it, `OUTPUT_EXISTS` if
 *   `file` exists and is not a report, `FILE_UNREADABLE`; TorchTlError `WRITE_FAILED`
 */
export async function writeReport(directories: readonly string[], file: string): Promise<void> {
  await requireReplaceable(file);
  const paths = [...new Set(directories.map((directory) => resolve(directory)))];
  const runs = await Promise.all(paths.map(readRun));
  const report = runs.length === 1 ? runReport(runs[0] as ReportedRun) : comparisonReport(runs);
  await writeFileAtomically(file, [Buffer.from(report.text)]);
}

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

async function beginningOf(path: string): Promise<string | null> {
  try {
    return await withRegularFile(path, async (file) => {
      const bytes = Buffer.alloc(512);
      return bytes.toString('utf8', 0, await readInto(file, bytes, 0));
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
}
