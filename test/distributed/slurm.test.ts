import { describe, expect, test } from 'vitest';
import { firstHost, tasksPerNode } from '../../lib/distributed/slurm.ts';

describe('firstHost', () => {
  test.for([
    ['node1', 'node1'],
    ['node1,node2', 'node1'],
    ['node[01-03,7]', 'node01'],
    ['node[7,01-03]', 'node7'],
    ['rack[0-1]n[3-5]-ib,login', 'rack0n3-ib'],
    ['gpu-a.cluster.example,gpu-b', 'gpu-a.cluster.example'],
  ])('of %s is %s', ([list, host]) => {
    expect(firstHost('LIST', list as string)).toBe(host);
  });

  test.for(['', 'node[', 'node[]', 'node[a]', 'no de', ',node1', 'node[1-2', 'node]'])(
    'refuses %j',
    (list) => {
      expect(() => firstHost('LIST', list)).toThrow(/^LIST must be a list of hosts/);
    },
  );
});

describe('tasksPerNode', () => {
  test.for<[string, number[]]>([
    ['4', [4]],
    ['2(x3)', [2, 2, 2]],
    ['2(x2),1', [2, 2, 1]],
  ])('of %s', ([list, counts]) => {
    expect(tasksPerNode('LIST', list)).toEqual(counts);
  });

  test.for(['', '2x3', '2(x)', '-1', '2,'])('refuses %j', (list) => {
    expect(() => tasksPerNode('LIST', list)).toThrow(/^LIST must be a list of numbers/);
  });
});
