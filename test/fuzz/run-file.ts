import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ReportedRun, readRun } from '../../lib/report/read-run.ts';
import { runReport } from '../../lib/report/run-report.ts';
import { writeRun } from '../support/run-files.ts';

/*
 * What must hold for every file of a run directory: a run that is read can be reported.
 */

/** Reads a run directory in which one file is the input, and the others are those of an honest run, and reports it. */
export async function readRunWith(
  name: string,
  bytes: Uint8Array,
  directory: string,
  files: Parameters<typeof writeRun>[1] = {},
): Promise<ReportedRun> {
  writeRun(directory, files);
  writeFileSync(join(directory, name), bytes);
  const run = await readRun(directory);
  runReport(run);
  return run;
}
