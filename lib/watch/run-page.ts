import { join } from 'node:path';
import { html } from '../report/html.ts';
import { contents } from '../report/page.ts';
import { runHeading, runSections } from '../report/run-report.ts';
import { findRuns, isFold } from './find-runs.ts';
import { linkTo } from './overview.ts';
import type { Section } from './section.ts';
import { stateOf } from './state-text.ts';
import { readWatched } from './watched-run.ts';

/**
 * The sections of the page that follows a run: how it stands, and then those of its report.
 *
 * @param root the watched directory
 * @param path of the run, relative to it
 * @throws what `readRun` throws
 */
export async function runPage(root: string, path: string): Promise<Section[]> {
  const watched = await readWatched(join(root, path));
  const sections = runSections(watched.run);
  const folds = (await findRuns(join(root, path))).filter((name) => name !== '' && isFold(name));
  const below = folds.map(
    (name) =>
      html`<li>${linkTo(path === '' ? name : `${path}/${name}`, `fold ${name.split('/').at(-1) ?? ''}`)}</li>`,
  );
  return [
    {
      id: 'state',
      content: html`<header>${path === '' ? null : html`<nav aria-label="All runs"><a href="?">All runs</a></nav>`}
${runHeading(watched.run, stateOf(watched))}</header>`,
    },
    {
      id: 'sections',
      content: html`${contents(sections.map(({ id, name }) => [id, name] as const))}
${below.length === 0 ? null : html`<nav aria-label="Folds"><ul>${below}</ul></nav>`}`,
    },
    ...sections.map(({ id, content }) => ({ id: `${id}-section`, content })),
  ];
}
