import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test as plainTest } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Job, numbersOf, programOf, resultOf, runJob, type Trained } from './jobs.ts';
import { allEnded, startProgram, startRank } from './ranks.ts';

/*
 * Two network namespaces with a wire between them: two machines, as far as addresses and connections go.
 */

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });

function canMakeNamespaces(): boolean {
  try {
    ip('netns', 'add', `torch-tl-${process.pid}-probe`);
    ip('netns', 'delete', `torch-tl-${process.pid}-probe`);
    return true;
  } catch {
    return false;
  }
}

const test = plainTest.skipIf(!canMakeNamespaces());

/** Two namespaces, 10.9.1.1 and 10.9.1.2; they are removed when the running test ends. */
function twoMachines(): Array<{ name: string; address: string; under: string[] }> {
  const names = [1, 2].map((number) => `torch-tl-${process.pid}-${number}`);
  onTestFinished(() => {
    for (const name of names) ip('netns', 'delete', name);
  });
  for (const name of names) ip('netns', 'add', name);
  const [first = '', second = ''] = names;
  ip('link', 'add', 'wire', 'netns', first, 'type', 'veth', 'peer', 'name', 'wire', 'netns', second);
  return names.map((name, index) => {
    const address = `10.9.1.${index + 1}`;
    ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'wire');
    for (const link of ['lo', 'wire']) ip('-n', name, 'link', 'set', link, 'up');
    return { name, address, under: ['ip', 'netns', 'exec', name] };
  });
}

/** The place of a process that is alone on its machine. */
const ALONE = { LOCAL_RANK: '0', LOCAL_WORLD_SIZE: '1' };

async function startJob(work: string, collectiveTimeout: number, env: Record<string, string> = {}) {
  const machines = twoMachines();
  const port = await freePort();
  const address = machines[0]?.address ?? '';
  const options = { size: 2, port, address, settings: { joinTimeout: 60, collectiveTimeout } };
  const ranks = machines.map(({ under }, rank) =>
    startRank(rank, work, { ...options, under, env: { ...ALONE, ...env } }),
  );
  return { machines, ranks };
}

test('processes of two machines join by the route between them, not by the name of the machine', async () => {
  const { ranks } = await startJob(
    'console.log(valuesOf(await group.sum(floats(rank + 1)).result)); await processes.leave();',
    60,
  );
  expect(await allEnded(ranks)).toEqual([0, 0]);
  for (const rank of ranks) expect(rank.output()).toBe('joined\n[ 3 ]\n');
});

test('GLOO_SOCKET_IFNAME names the network interface', async () => {
  const { ranks } = await startJob('await processes.leave();', 60, { GLOO_SOCKET_IFNAME: 'wire' });
  expect(await allEnded(ranks)).toEqual([0, 0]);
});

test('a cut wire ends both, and neither waits for the store', async () => {
  const { machines, ranks } = await startJob('await train();', 4);
  await Promise.all(ranks.map((rank) => rank.says('trains')));
  ip('-n', machines[1]?.name ?? '', 'link', 'set', 'wire', 'down');
  expect(await allEnded(ranks)).toEqual([1, 1]);
  expect(ranks[0]?.output()).toMatch(/PEER_LOST: rank 1 \(.*\) was lost/);
  expect(ranks[1]?.output()).toMatch(/PEER_LOST: the store at 10\.9\.1\.1:\d+ does not answer: rank 0/);
});

/** A training, over two machines whose directories are their own. */
async function startTraining(job: Job, env: (rank: number) => Record<string, string> = () => ({})) {
  const machines = twoMachines();
  const port = await freePort();
  const address = machines[0]?.address ?? '';
  const ranks = machines.map(({ under }, rank) => {
    const own = { ...ALONE, TMPDIR: temporaryDirectory(), ...env(rank) };
    return startProgram(rank, programOf(job), { size: 2, port, address, under, env: own });
  });
  return { machines, ranks };
}

test('two machines train as one process does, and send each other features', async () => {
  const job: Job = { options: { freeze: 'backbone', epochs: 3 } };
  const [one] = (await runJob(1, job)) as [Trained];
  const { ranks } = await startTraining(job);
  expect(await allEnded(ranks)).toEqual([0, 0]);
  for (const rank of ranks) {
    for (const [i, value] of numbersOf(resultOf(rank)).entries()) {
      expect(value).toBeCloseTo(numbersOf(one)[i] as number, 5);
    }
  }
});

test('a wire that is cut in training ends both', async () => {
  const options = { freeze: 'backbone', featureCache: false, epochs: 500, collectiveTimeout: 4 };
  const { machines, ranks } = await startTraining({ options });
  await Promise.all(ranks.map((rank) => rank.says('epoch 2 batch 1')));
  ip('-n', machines[1]?.name ?? '', 'link', 'set', 'wire', 'down');
  expect(await allEnded(ranks)).toEqual([1, 1]);
  for (const rank of ranks) expect(rank.output()).toContain('ERROR PEER_LOST');
});
