import { invalidArgument } from '../errors.ts';

/*
 * SLURM's compact lists.
 */

/**
 * First host of a list such as `node[01-03,7],login`: `node01`.
 *
 * @param name of the variable, for the error
 * @throws InputError `INVALID_ARGUMENT`
 */
export function firstHost(name: string, list: string): string {
  // A bracket holds numbers and ranges; a name may have several.
  const first = /^(?:[\w.-]|\[\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*\])+(?=,|$)/.exec(list)?.[0];
  if (first === undefined) throw invalidArgument(name, "a list of hosts, such as 'node[01-03,7]'", list);
  return first.replace(/\[(\d+)[^\]]*\]/g, '$1');
}

/**
 * Number of tasks on each machine, from a list such as `2(x3),1`: `[2, 2, 2, 1]`.
 *
 * @param name of the variable, for the error
 * @throws InputError `INVALID_ARGUMENT`
 */
export function tasksPerNode(name: string, list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [, tasks, nodes = '1'] = /^(\d{1,6})(?:\(x(\d{1,6})\))?$/.exec(part) ?? [];
    if (tasks === undefined) throw invalidArgument(name, "a list of numbers, such as '2(x3),1'", list);
    return Array<number>(Number(nodes)).fill(Number(tasks));
  });
}
