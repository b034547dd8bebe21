import { resolve } from 'node:path';
import { invalidArgument } from '../errors.ts';
import { writeFileAtomically } from '../files/atomic-file.ts';
import { comparisonReport } from './comparison-report.ts';
import { neighboursOf, ownReports } from './links.ts';
import { type ReportedRun, readRun } from './read-run.ts';
import { requireReplaceable } from './report-file.ts';
import { runReport } from './run-report.ts';

/**
 * Writes a report of one run, or a comparison of several runs, as a self-contained HTML file. An existing report is
 * replaced. A run's report in its own directory links to the reports of the runs beside it, and a comparison to those of
 * its runs that lie below its directory, as far as these reports exist.
 *
 * @param directories run directories, of finished and unfinished runs; duplicates are ignored
 * @param file path of the report
 * @throws InputError `INVALID_ARGUMENT` without directories, `RUN_INVALID` for a directory that does not hold a run or a
 *   damaged file in it, `OUTPUT_EXISTS` if `file` exists and is not a report, `FILE_UNREADABLE`; TorchTlError
 *   `WRITE_FAILED`
 */
export async function writeReport(directories: readonly string[], file: string): Promise<void> {
  const expected = 'a list of at least one run directory';
  if (!Array.isArray(directories) || directories.length === 0) {
    throw invalidArgument('directories', expected, directories);
  }
  const report = resolve(file);
  const paths = [...new Set(directories.map((directory) => resolve(directory)))];
  await requireReplaceable(report);
  const runs = await Promise.all(paths.map(readRun));
  const [first, ...others] = runs as [ReportedRun, ...ReportedRun[]];
  const page =
    others.length === 0
      ? runReport(first, await neighboursOf(first.path, report))
      : comparisonReport(runs, await ownReports(paths, report));
  await writeFileAtomically(report, [Buffer.from(page.text)]);
}
