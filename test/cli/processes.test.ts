import { describe, expect, test } from 'vitest';
import { runProcesses } from '../../lib/cli/processes.ts';
import { type Ended, type Invocation, processOf } from './torch-tl.ts';

const MODULE = JSON.stringify(new URL('../../dist/cli/processes.js', import.meta.url).href);

/** Starts three processes that do what `work` says, and gives what the launcher has printed and its exit code. */
function launch(work: string, more: Pick<Invocation, 'onOutput'> = {}): Promise<Ended> {
  const program = `
    import { runProcesses } from ${MODULE};
    const work = ${JSON.stringify(`const rank = Number(process.env.RANK); ${work}`)};
    const args = ['--eval', work];
    process.exitCode = await runProcesses({ processes: 3, command: process.execPath, args, patience: 200, grace: 500 });`;
  const args = ['--input-type=module', '--eval', program];
  return processOf(process.execPath, args, { cwd: process.cwd(), ...more });
}

describe('several processes on this machine', () => {
  test('have places in one job', async () => {
    const names = ['RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'];
    const { code, stdout, stderr } = await launch(
      `console.log(${JSON.stringify(names)}.map((name) => process.env[name]).join(' '))`,
    );
    expect(code).toBe(0);
    const [, port] = /^0 3 0 3 127\.0\.0\.1 (\d+)\n$/.exec(stdout) ?? [];
    expect(stderr.split('\n').sort()).toEqual([
      '',
      `[rank 1] 1 3 1 3 127.0.0.1 ${port}`,
      `[rank 2] 2 3 2 3 127.0.0.1 ${port}`,
    ]);
  });

  test('show where each line comes from, also the last without a line break', async () => {
    const { stdout, stderr } = await launch("process.stderr.write('first\\nlast of ' + rank)");
    expect(stdout).toBe('');
    expect(stderr).toContain('[rank 1] first\n');
    expect(stderr).toContain('[rank 2] last of 2\n');
  });

  test('end when one fails, with its exit code', async () => {
    const { code } = await launch('if (rank === 1) process.exit(2); setInterval(() => {}, 1000);');
    expect(code).toBe(2);
  });

  test('end when one is killed', async () => {
    const { code } = await launch(
      "if (rank === 2) process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);",
    );
    expect(code).toBe(137);
  });

  test('are killed when they ignore the request to end', async () => {
    const { code } = await launch(
      "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); if (rank === 0) setTimeout(() => process.exit(5), 500);",
    );
    expect(code).toBe(5);
  });

  test('get the signals that this process gets', async () => {
    let asked = false;
    const { code, stdout } = await launch(
      "process.on('SIGTERM', () => { console.log('asked'); process.exit(143); }); setInterval(() => {}, 1000); setTimeout(() => console.log('ready'), 500);",
      {
        onOutput(text, kill) {
          if (asked || !text.includes('ready')) return;
          asked = true;
          setTimeout(() => kill('SIGTERM'), 300);
        },
      },
    );
    expect(code).toBe(143);
    expect(stdout).toBe('ready\nasked\n');
  });
});

test('a process of a job does not start another one', async () => {
  const env = { RANK: '0', WORLD_SIZE: '2', MASTER_ADDR: 'node1', MASTER_PORT: '1234' };
  await expect(runProcesses({ processes: 2, command: 'false', args: [], env })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('--processes 2'),
  });
});

test('a program that cannot be started is an error', async () => {
  const launched = runProcesses({ processes: 2, command: '/nowhere/program', args: [], env: {} });
  await expect(launched).rejects.toThrow(/ENOENT/);
});
