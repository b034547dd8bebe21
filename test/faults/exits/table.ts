import {
  type Cell,
  EVENTS,
  type EventName,
  EXPECTED,
  type Exit,
  KEPT,
  type Kept,
  KINDS,
  type Kind,
} from './expected.ts';

/*
 * The table of docs/reliability.md, from what the tests expect.
 */

/** Begins and ends the part of the page that is written from here. */
export const MARKS = [
  '<!-- What follows is written by `npx vitest run test/faults/exits/table.test.ts -u`. -->',
  '<!-- End. -->',
] as const;

export function exitsTable(): string {
  const kinds = Object.entries(KINDS) as Array<[Kind, string]>;
  const head = ['what happens', ...kinds.map(([, name]) => name)];
  const rows = (Object.entries(EVENTS) as Array<[EventName, string]>).map(([event, name]) => {
    const said = saidByAll(Object.values(EXPECTED[event]));
    const first = said === null ? name : `${name}: “${said}”`;
    return [first, ...kinds.map(([kind]) => cellText(EXPECTED[event][kind], said))];
  });
  const kept = (Object.entries(KEPT) as Array<[Kept, string]>).map(([name, text]) => `- *${name}*: ${text}.`);
  return [
    [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n'),
    kept.join('\n'),
  ].join('\n\n');
}

/** What every job says that says anything. */
function saidByAll(cells: readonly Cell[]): string | null {
  const said = [...new Set(cells.flatMap(({ says }) => (says === undefined ? [] : [says])))];
  return said.length === 1 ? (said[0] as string) : null;
}

const SHOWN: Partial<Record<Exit, string>> = {
  signal: 'by the signal',
  killed: 'by SIGKILL',
  'killed or 1': 'by SIGKILL or 1',
};

function cellText(cell: Cell | undefined, saidByRow: string | null): string {
  if (cell === undefined) return '';
  const { exit, kept, says } = cell;
  const shown = SHOWN[exit] ?? String(exit);
  const own = says === undefined || says === saidByRow ? '' : ` “${says}”`;
  return exit === 'goes on' && kept === 'all' ? `goes on${own}` : `${shown}, *${kept}*${own}`;
}
