import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeReport } from '../../lib/report/report.ts';
import { type RunFiles, writeRun } from './run-files.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The text of a report of runs, by their names. */
export async function reportOf(runs: Record<string, RunFiles>): Promise<string> {
  const directory = temporaryDirectory();
  const paths = Object.entries(runs).map(([name, files]) => {
    writeRun(join(directory, name), files);
    return join(directory, name);
  });
  const file = join(directory, 'report.html');
  await writeReport(paths, file);
  return readFileSync(file, 'utf8');
}

/** What of a report is read: without tags and with single spaces. */
export function textOf(report: string): string {
  const body = report.slice(report.indexOf('<body>'));
  return body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
}
