import { type Html, html } from './html.ts';
import type { NamedRun } from './named-run.ts';
import type { ReportedRun } from './read-run.ts';
import { factsOf } from './setup-section.ts';
import { dataTable, facts } from './table.ts';

/** Setup of all runs: differences side by side, shared settings once. */
export function comparedSetup(runs: readonly NamedRun[]): Html {
  const main = rowsOf(runs.map(({ run }) => factsOf(run)));
  const options = rowsOf(runs.map(({ run }) => otherOptions(run)));
  const differing = [...main, ...options].filter((row) => !isShared(row));
  return html`<section id="setup"><h2>Setup</h2>
${
  differing.length === 0
    ? html`<p>All runs have the same setup.</p>`
    : dataTable({
        caption: 'Differences between the runs',
        heading: ['setting', ...runs.map(({ name }) => name)],
        rows: differing.map(({ name, values }) => [name, ...values]),
        text: true,
        isStacked: true,
      })
}
<h3>Shared settings</h3>
${sharedFacts(main)}
<details><summary>Other shared options</summary>${sharedFacts(options)}</details>
</section>`;
}

/** Values of one setting in all runs. */
interface Row {
  name: string;
  values: string[];
}

function rowsOf(runs: ReadonlyArray<ReadonlyArray<readonly [string, string]>>): Row[] {
  const names = [...new Set(runs.flat().map(([name]) => name))];
  const valueIn = (pairs: (typeof runs)[number], name: string) =>
    pairs.find(([other]) => other === name)?.[1] ?? '-';
  return names.map((name) => ({ name, values: runs.map((pairs) => valueIn(pairs, name)) }));
}

function isShared({ values }: Row): boolean {
  return values.every((value) => value === values[0]);
}

function sharedFacts(rows: readonly Row[]): Html {
  return facts(rows.filter(isShared).map(({ name, values }) => [name, values[0] ?? '']));
}

/** Options that `factsOf` does not cover. */
function otherOptions({ options }: ReportedRun): Array<readonly [string, string]> {
  return Object.entries(options)
    .filter(([name]) => !COVERED.includes(name))
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}

const COVERED = [
  'data',
  'limitTrain',
  'limitValid',
  'imageSize',
  'init',
  'weights',
  'optimizer',
  'learningRate',
  'schedule',
  'batchSize',
  'augmentation',
  'seed',
  'device',
  'precision',
];
