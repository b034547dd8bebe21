import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { requireWritableFile } from '../files/writable.ts';
import { shown, shownJson } from '../support/printable.ts';
import { addExamples } from './examples.ts';
import { print, say } from './output.ts';

/** Defines `torch-tl report`. */
export function define(command: Command): void {
  command
    .argument('<run...>', 'run directories')
    .option(
      '--out <file>',
      'file to write; default: report.html in the run directory, or for several runs in the current directory',
    )
    .option('--json', 'print the path of the report as one JSON document')
    .action(report);
  addExamples(command, {
    'report runs/flowers': 'write runs/flowers/report.html',
    'report runs/a runs/b --out comparison.html': 'compare two runs',
  });
}

async function report(runs: string[], { out, json }: { out?: string; json?: true }): Promise<void> {
  const { writeReport } = await import('../report/report.ts');
  const [run = '.', ...others] = runs;
  const file = resolve(out ?? (others.length === 0 ? join(run, 'report.html') : 'report.html'));
  if (out !== undefined) await requireWritableFile(out);
  await writeReport(runs, file);
  if (json) print(shownJson({ formatVersion: 1, report: file }));
  else say(`Written: ${shown(file)}`);
}
