import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { holdsRun, runsIn } from '../experiments/run-directory.ts';
import { readRegularText } from '../support/regular-file.ts';
import { type Content, type Html, html } from './html.ts';
import { isReport, REPORT } from './report-file.ts';

/*
 * Links between the reports of runs in one directory. They are relative, and lead to reports that are there when the link
 * is written, so that they stay true while the directory is moved as a whole.
 */

/** A link to another report, relative to the page. */
export interface ReportLink {
  name: string;
  href: string;
}

/** The reports near a run's own. */
export interface Neighbours {
  /** Of the other runs in the same directory, by name. */
  runs: ReportLink[];
  /** Comparisons in the directories above that link to this report. */
  comparisons: ReportLink[];
}

export const NO_NEIGHBOURS: Neighbours = { runs: [], comparisons: [] };

/** How many directories up a comparison may lie: runs of several seeds and experiments lie in `seed-N/experiment`. */
const LEVELS = 2;

/** With more runs than this the links to them are collapsed. */
const MAX_LINKS = 12;

/**
 * The reports to which a run's report links; none if it does not lie in the run's directory, as a copy for others does.
 * What cannot be read is not linked.
 *
 * @param file path of the run's report
 */
export async function neighboursOf(run: string, file: string): Promise<Neighbours> {
  const [own, page] = [resolve(run), resolve(file)];
  if (dirname(page) !== own) return NO_NEIGHBOURS;
  const parent = dirname(own);
  const runs: ReportLink[] = [];
  for (const name of await runsIn(parent)) {
    const path = join(parent, name, REPORT);
    if (name !== basename(own) && (await isReport(path))) runs.push({ name, href: hrefFrom(page, path) });
  }
  return { runs, comparisons: await comparisonsOf(page, own) };
}

async function comparisonsOf(page: string, run: string): Promise<ReportLink[]> {
  const found: ReportLink[] = [];
  let directory = run;
  for (let level = 0; level < LEVELS; level++) {
    directory = dirname(directory);
    // The report there is that of a run of its own.
    if (await holdsRun(directory)) break;
    const path = join(directory, REPORT);
    if (!(await isReport(path))) continue;
    const text = await readRegularText(path).catch(() => '');
    if (text.includes(`href="${hrefFrom(path, page)}"`)) {
      found.push({ name: basename(directory), href: hrefFrom(page, path) });
    }
  }
  return found;
}

/**
 * Relative URLs of runs' own reports by the runs' paths, for those that lie below the directory of a comparison.
 *
 * @param runs absolute paths
 * @param file path of the comparison
 */
export async function ownReports(runs: readonly string[], file: string): Promise<Map<string, string>> {
  const page = resolve(file);
  const hrefs = new Map<string, string>();
  for (const run of runs) {
    const path = join(run, REPORT);
    const isBelow = path !== page && !relative(dirname(page), path).startsWith(`..${sep}`);
    if (isBelow && (await isReport(path))) hrefs.set(run, hrefFrom(page, path));
  }
  return hrefs;
}

/** Links from a run's report; null if there is nothing to link. */
export function neighbourLinks({ runs, comparisons }: Neighbours): Content {
  if (runs.length + comparisons.length === 0) return null;
  const list = html`<ul><li>Other reports:</li>${[
    ...comparisons.map(({ name, href }) => html`<li><a href="${href}">Comparison in ${name}</a></li>`),
    ...(runs.length > MAX_LINKS ? [] : runs.map(linkOf)),
  ]}</ul>`;
  return html`<nav class="neighbours" aria-label="Other reports">${list}${
    runs.length > MAX_LINKS
      ? html`<details><summary>${runs.length} other runs in this directory</summary><ul>${runs.map(linkOf)}</ul></details>`
      : null
  }</nav>`;
}

function linkOf({ name, href }: ReportLink): Html {
  return html`<li><a href="${href}">${name}</a></li>`;
}

/** Without any character that HTML escapes, so that it stands in a page as it is. */
function hrefFrom(page: string, target: string): string {
  const path = relative(dirname(page), target).split(sep).map(encodeURIComponent).join('/');
  return path.replaceAll("'", '%27');
}
