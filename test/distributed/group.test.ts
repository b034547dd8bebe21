import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { allEnded, startRank, startRanks } from './ranks.ts';

// No test measures a time: a hang would last the default limits of 600 s, longer than a test may take.

describe('processes of a job', () => {
  test.for([2, 3])('%i ranks sum, broadcast and gather', async (size) => {
    const ranks = await startRanks(
      `
      const sum = await group.sum(floats(rank + 1, 0.5)).result;
      const all = await group.gather(floats(rank, 10 * rank)).result;
      const told = await group.broadcast(floats(rank * 10, 7), size - 1).result;
      const data = new Uint8Array(Float64Array.of(2 ** 40 + rank).buffer);
      const wide = await group.sum({ name: 'wide', dtype: 'float64', shape: [1], data }).result;
      console.log(JSON.stringify({
        sum: valuesOf(sum),
        all: all.map(valuesOf),
        told: valuesOf(told),
        wide: new Float64Array(wide.data.buffer, wide.data.byteOffset, 1)[0],
        shape: all[0].shape,
      }));
      await processes.leave();`,
      { size },
    );
    expect(await allEnded(ranks)).toEqual(ranks.map(() => 0));
    const numbers = Array.from({ length: size }, (_, rank) => rank);
    const total = numbers.reduce((sum, rank) => sum + rank, 0);
    for (const rank of ranks) {
      expect(JSON.parse(rank.output().replace('joined\n', ''))).toEqual({
        sum: [total + size, size / 2],
        all: numbers.map((other) => [other, 10 * other]),
        told: [(size - 1) * 10, 7],
        wide: size * 2 ** 40 + total,
        shape: [2],
      });
    }
  });

  test('a sum has the same bits on every rank', async () => {
    const ranks = await startRanks(
      `
      const values = Array.from({ length: 100_000 }, (_, index) => Math.sin(index * (rank + 1)));
      const { data } = await group.sum(floats(...values)).result;
      const { createHash } = await import('node:crypto');
      console.log(createHash('sha256').update(data).digest('hex'));
      await processes.leave();`,
      { size: 3 },
    );
    await allEnded(ranks);
    expect(ranks[0]?.output()).toMatch(/^joined\n[0-9a-f]{64}\n$/);
    expect(new Set(ranks.map((rank) => rank.output())).size).toBe(1);
  });

  test('a difference in what they were told ends all of them', async () => {
    const ranks = await startRanks("await processes.agree([{ name: 'epochs', value: 3 + rank }]);", {
      size: 2,
    });
    expect(await allEnded(ranks)).toEqual([1, 1]);
    for (const rank of ranks)
      expect(rank.output()).toMatch(/RANKS_DISAGREE: .*epochs is 4 on rank 1, and 3 on rank 0/);
  });
});

// At the same time, since they wait most of theirs.
describe.concurrent('a rank that is lost ends the others, which name it', () => {
  test.for([0, 1])('killed, rank %i of 3', async (lost, { onTestFinished }) => {
    const ranks = await startRanks('await train();', { size: 3, onTestFinished });
    await Promise.all(ranks.map((rank) => rank.says('trains')));
    ranks[lost]?.child.kill('SIGKILL');
    const others = ranks.filter((_, rank) => rank !== lost);
    expect(await allEnded(others)).toEqual([1, 1]);
    for (const rank of others) {
      expect(rank.output()).toMatch(new RegExp(`PEER_LOST: .*rank ${lost}\\b.*was lost`));
    }
  });

  test('stopped', async ({ onTestFinished }) => {
    const settings = { collectiveTimeout: 4 };
    const ranks = await startRanks('await train();', { size: 3, settings, onTestFinished });
    await Promise.all(ranks.map((rank) => rank.says('trains')));
    const [first, second, third] = ranks as [(typeof ranks)[0], (typeof ranks)[0], (typeof ranks)[0]];
    second.child.kill('SIGSTOP');
    expect(await allEnded([first, third])).toEqual([1, 1]);
    const { pid } = second.child;
    for (const rank of [first, third]) {
      expect(rank.output()).toMatch(new RegExp(`PEER_LOST: rank 1 \\(process ${pid} on .*stopped`));
    }
  });

  test('failed, also rank 0, which hosts the store', async ({ onTestFinished }) => {
    for (const failing of [0, 1]) {
      const ranks = await startRanks(
        `
        if (rank !== ${failing}) await train(200);
        await processes.fail(new TorchTlError('OUT_OF_MEMORY', 'no memory for batch 3'));
        process.exit(1);`,
        { size: 2, onTestFinished },
      );
      expect(await allEnded(ranks)).toEqual([1, 1]);
      expect(ranks[1 - failing]?.output()).toMatch(
        new RegExp(
          `PEER_LOST: rank ${failing} \\(process .*\\) failed: OUT_OF_MEMORY: no memory for batch 3`,
        ),
      );
    }
  });
});

test('a process that ends does not wait for a collective', async () => {
  const [first] = await startRanks(
    `
    if (rank === 1) await pause(600_000);
    group.sum(floats(1)).result.catch(() => {});
    await pause(500);
    process.exit(7);`,
    { size: 2 },
  );
  await first?.says('joined');
  expect(await first?.ended()).toBe(7);
});

// At the same time too: each waits some seconds.
describe.concurrent('joining fails and says why', () => {
  test('where a rank does not come', async ({ onTestFinished }) => {
    const port = await freePort();
    const options = { size: 3, port, settings: { joinTimeout: 5 }, onTestFinished };
    const ranks = [startRank(0, '', options), startRank(1, '', options)];
    expect(await allEnded(ranks)).toEqual([1, 1]);
    for (const rank of ranks)
      expect(rank.output()).toMatch(/^JOIN_FAILED: rank 2 of 3 did not join .* within 5 s/);
  });

  test('where rank 0 does not come', async ({ onTestFinished }) => {
    const port = await freePort();
    const rank = startRank(1, '', { size: 2, port, settings: { joinTimeout: 3 }, onTestFinished });
    expect(await rank.ended()).toBe(1);
    expect(rank.output()).toContain(
      `JOIN_FAILED: rank 1 of 2 finds no job at MASTER_ADDR 127.0.0.1, MASTER_PORT ${port}`,
    );
  });

  test('where the port is taken', async ({ onTestFinished }) => {
    const server = createServer().listen(0);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const rank = startRank(0, '', { size: 2, port, onTestFinished });
    expect(await rank.ended()).toBe(1);
    expect(rank.output()).toContain(`JOIN_FAILED: rank 0 cannot listen on MASTER_PORT ${port}`);
  });

  test('where two processes have one rank', async ({ onTestFinished }) => {
    const port = await freePort();
    const options = { size: 3, port, settings: { joinTimeout: 20 }, onTestFinished };
    const job = [
      startRank(0, 'await processes.leave();', options),
      startRank(1, 'await processes.leave();', options),
    ];
    const second = startRank(1, 'await processes.leave();', options);
    // Either of the two comes first.
    const refused = await Promise.race([job[1], second].map(async (rank) => rank?.ended().then(() => rank)));
    expect(refused?.output()).toContain('JOIN_FAILED: another process has joined this job as rank 1 of 3');
    const third = startRank(2, 'await processes.leave();', options);
    const others = [...job, second, third].filter((rank) => rank !== refused);
    expect(await allEnded(others)).toEqual([0, 0, 0]);
  });

  test('where waiting for the others is given up', async ({ onTestFinished }) => {
    const port = await freePort();
    const options = { size: 3, port, onTestFinished };
    const other = startRank(0, '', options);
    const rank = startRank(1, '', { ...options, stopAfter: 3000 });
    expect(await allEnded([rank, other])).toEqual([1, 1]);
    expect(rank.output()).toContain('The operation was aborted due to timeout');
    expect(other.output()).toContain('JOIN_FAILED: rank 1 of 3 was stopped before all had joined');
  });
});
