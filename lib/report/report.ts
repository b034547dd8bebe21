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
 * Writes a report of a run, or of several runs side by side: one HTML file that needs nothing else. An earlier
 * report in its place is replaced.
 *
 * @param directories of the runs, whatever became of them; one given twice counts once
 * @throws InputError `RUN_INVALID` for a directory that is no run's or a file in it that is damaged, `OUTPUT_EXISTS`
 *   where `file` is something else than a report, `FILE_UNREADABLE`; TorchTlError `WRITE_FAILED`
 */
export async function writeReport(directories: readonly string[], file: string): Promise<void> {
  await requireReplaceable(file);
  const paths = [...new Set(directories.map((directory) => resolve(directory)))];
  const runs = await Promise.all(paths.map(readRun));
  const report = runs.length === 1 ? runReport(runs[0] as ReportedRun) : comparisonReport(runs);
  await writeFileAtomically(file, [Buffer.from(report.text)]);
}

/** Only a report may be replaced. */
async function requireReplaceable(file: string): Promise<void> {
  const beginning = await beginningOf(file);
  if (beginning === null || beginning.includes(GENERATOR)) return;
  throw new InputError(
    'OUTPUT_EXISTS',
    `${resolve(file)} is there, and is no report that could be replaced. Give another file with --out, or move it away.`,
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
