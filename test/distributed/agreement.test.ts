import { expect, test } from 'vitest';
import { agree, type Fact } from '../../lib/distributed/agreement.ts';
import type { Job } from '../../lib/engine/native.ts';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { NativeGroup } from '../../lib/engine/native-group.ts';
import { InputError, type TorchTlError } from '../../lib/errors.ts';

/** Groups of as many ranks, in this process, that gather from each other. */
function groupsOf(size: number): NativeGroup[] {
  let waiting: Array<{ tensor: HostTensor; resolve: (all: HostTensor[]) => void }> = [];
  const unused = (): never => expect.fail('only gather is used');
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    gather(tensor: HostTensor): Job<HostTensor[]> {
      const result = new Promise<HostTensor[]>((resolve) => {
        waiting[rank] = { tensor, resolve };
        if (Object.keys(waiting).length < size) return;
        const all = waiting;
        waiting = [];
        expect(new Set(all.map((one) => String(one.tensor.shape))).size).toBe(1);
        for (const one of all) one.resolve(all.map((other) => other.tensor));
      });
      return { result, abort: unused };
    },
    sum: unused,
    broadcast: unused,
    fail: unused,
    leave: unused,
  }));
}

/** What each rank comes to: its error, or undefined. */
function agreement(...facts: Fact[][]): Promise<Array<TorchTlError | undefined>> {
  const groups = groupsOf(facts.length);
  return Promise.all(
    groups.map((group, rank) =>
      agree(group, facts[rank] ?? []).then(
        () => undefined,
        (error: TorchTlError) => error,
      ),
    ),
  );
}

const epochs = (value: number): Fact => ({ name: 'epochs', flag: '--epochs', value });

test('processes with the same facts agree', async () => {
  const facts: Fact[] = [
    epochs(3),
    { name: 'data', value: 'äöü' },
    { name: 'head', value: [{ type: 'relu' }] },
  ];
  expect(await agreement(facts, facts, facts)).toEqual([undefined, undefined, undefined]);
});

test('every rank is told which rank has another option', async () => {
  const errors = await agreement([epochs(8)], [epochs(8)], [epochs(12)]);
  for (const error of errors) {
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({
      code: 'RANKS_DISAGREE',
      message: expect.stringContaining('epochs is 12 on rank 2, and 8 on rank 0'),
      atCommandLine: expect.stringContaining('--epochs is 12 on rank 2, and 8 on rank 0'),
    });
  }
});

test('an option that one rank lacks is a difference', async () => {
  const [error] = await agreement([epochs(8)], []);
  expect(error?.message).toContain('epochs is not set on rank 1, and 8 on rank 0');
});

test('a long value is cut short, and of many differences the first are named', async () => {
  const facts = (text: string): Fact[] =>
    ['a', 'b', 'c', 'd'].map((name) => ({ name, value: text.repeat(300) }));
  const [error] = await agreement(facts('x'), facts('y'));
  expect(error?.message.length).toBeLessThan(1000);
  expect(error?.message).not.toContain('; d is');
});
