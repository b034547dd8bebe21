import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunResults } from '../../lib/experiments/results.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { processOf } from './torch-tl.ts';

const SMALL = ['--data', 'sample', '--limit-train', '20', '--limit-valid', '10', '--image-size', '32'];

/** Says whether a process that a shell starts is to outlive its terminal. */
async function outlives(shell: string): Promise<string> {
  const url = new URL('../../dist/cli/hangup.js', import.meta.url).href;
  const text = `import { outlivesTerminal } from ${JSON.stringify(url)}; console.log(outlivesTerminal());`;
  const command = [process.execPath, '--input-type=module', '--eval', text];
  return (await processOf('sh', ['-c', shell, 'sh', ...command], { cwd: packageRoot })).stdout.trim();
}

describe.skipIf(process.platform !== 'linux')('a lost terminal', () => {
  test.each([
    ['true', 'whose shell ignores SIGHUP', `trap '' HUP; "$@"; :`],
    ['true', 'whose input nohup took away', '"$@" 0>/dev/null'],
    ['false', 'without either', '"$@"; :'],
    ['false', 'whose input is empty', '"$@" </dev/null; :'],
  ])('%s: is outlived by a process %s', async (expected, _, shell) => {
    expect(await outlives(shell)).toBe(expected);
  });

  test('ends no training that nohup is to keep', async () => {
    const cwd = temporaryDirectory();
    const args = [
      'run',
      'finetune',
      ...SMALL,
      '--epochs',
      '30',
      '--early-stopping-patience',
      'off',
      '--out',
      'run',
    ];
    const command = [process.execPath, join(packageRoot, 'bin', 'torch-tl.js'), ...args];
    const shell = `trap '' HUP; "$@" & echo $! > pid; wait $!`;
    let isLost = false;
    const { code, stderr } = await processOf('sh', ['-c', shell, 'sh', ...command], {
      cwd,
      onOutput(stdout) {
        if (isLost || !stdout.includes('\nepoch  1/')) return;
        isLost = true;
        process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), 'SIGHUP');
      },
    });
    expect({ code, stderr, isLost }).toEqual({ code: 0, stderr: '', isLost: true });
    const results: RunResults = JSON.parse(readFileSync(join(cwd, 'run', 'results.json'), 'utf8'));
    expect(results).toMatchObject({ stoppedBecause: 'epochs', epochs: { length: 30 } });
  });
});
