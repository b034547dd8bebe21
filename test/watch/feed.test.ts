import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { html } from '../../lib/report/html.ts';
import { Feed, type Update } from '../../lib/watch/feed.ts';

/** A run whose state and curves change whenever somebody looks, until it is over. */
function run() {
  let moment = 0;
  let isOver = false;
  const section = (id: string) => ({ id, content: html`<p>${id} ${String(moment)}</p>` });
  return {
    end: () => {
      isOver = true;
    },
    signature: async () => String(isOver ? moment : ++moment),
    sections: async () => ['state', 'curves'].map(section),
    state: async () => (isOver ? null : section('state')),
  };
}

const idsOf = (updates: Update[]) => updates.flatMap(({ sections }) => sections.map(({ id }) => id));

test('the state of a run is told at once, its curves every few seconds, and the last ones too', async () => {
  const source = run();
  const feed = new Feed(source);
  const updates: Update[] = [];
  onTestFinished(await feed.follow((update) => updates.push(update)));
  expect(idsOf(updates)).toEqual(['state', 'curves']);
  await setTimeout(1800);
  const ids = idsOf(updates.slice(1));
  expect(ids.length).toBeGreaterThan(1);
  expect(new Set(ids)).toEqual(new Set(['state']));

  source.end();
  const last = (await source.sections()).map(({ content }) => content.text);
  await expect
    .poll(() => updates.at(-1)?.sections.map(({ content }) => content.text), { timeout: 5000 })
    .toContain(last[1]);
  const latest = new Map(
    updates.flatMap(({ sections }) => sections.map(({ id, content }) => [id, content.text])),
  );
  expect([...latest.values()]).toEqual(last);
});

test('whoever opens a page gets all as it is now, and so do those who follow', async () => {
  const feed = new Feed(run());
  const updates: Update[] = [];
  onTestFinished(await feed.follow((update) => updates.push(update)));
  const { sections } = await feed.whole();
  expect(idsOf(updates)).toEqual(['state', 'curves', 'state', 'curves']);
  expect(updates.at(-1)?.sections).toEqual(sections);
});
