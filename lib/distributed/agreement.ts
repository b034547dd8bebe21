import type { NativeGroup } from '../engine/native-group.ts';
import { InputError } from '../errors.ts';
import { gatherTexts } from './texts.ts';

/** A value that every process of a job must have alike, such as an option or the hash of the data. */
export interface Fact {
  /** Name for the API's messages, such as `batchSize`. */
  name: string;
  /** Name for the command line's messages, such as `--batch-size`; default `name`. */
  flag?: string;
  /** Compared as JSON. */
  value: unknown;
}

/** A fact as it travels between processes. */
type Told = [name: string, flag: string, json: string];

/** More differences than these would hide what is behind them: usually one option, or another data set. */
const NAMED_DIFFERENCES = 3;

/**
 * Compares facts with those of all other processes. Every process must call it at the same point, and all reject alike.
 *
 * @throws InputError `RANKS_DISAGREE` naming the ranks and the values that differ; `PEER_LOST`
 */
export async function agree(group: NativeGroup, facts: readonly Fact[]): Promise<void> {
  const told = facts.map(
    ({ name, flag = name, value }): Told => [name, flag, JSON.stringify(value) ?? 'null'],
  );
  const all = (await gatherTexts(group, JSON.stringify(told))).map((text) => JSON.parse(text) as Told[]);
  const differences = differencesBetween(all);
  if (differences.length === 0) return;
  const message = (nameOf: (difference: Difference) => string) =>
    `The processes of this job do not agree: ${differences
      .slice(0, NAMED_DIFFERENCES)
      .map((difference) => `${nameOf(difference)} is ${difference.text}`)
      .join('; ')}. Start all of them with the same options, data and versions.`;
  throw new InputError(
    'RANKS_DISAGREE',
    message(({ name }) => name),
    { atCommandLine: message(({ flag }) => flag) },
  );
}

interface Difference {
  name: string;
  flag: string;
  /** Who has which value: `4 on rank 1, and 8 on rank 0`. */
  text: string;
}

/** The facts in which a rank differs from rank 0, each with the first such rank. */
function differencesBetween(all: ReadonlyArray<readonly Told[]>): Difference[] {
  const names = new Map(all.flatMap((told) => told.map(([name, flag]) => [name, flag] as const)));
  return [...names].flatMap(([name, flag]) => {
    const values = all.map((told) => told.find(([other]) => other === name)?.[2] ?? 'not set');
    const rank = values.findIndex((value) => value !== values[0]);
    if (rank < 0) return [];
    const text = `${shortened(values[rank])} on rank ${rank}, and ${shortened(values[0])} on rank 0`;
    return [{ name, flag, text }];
  });
}

function shortened(json = ''): string {
  return json.length > 100 ? `${json.slice(0, 100)}…` : json;
}
