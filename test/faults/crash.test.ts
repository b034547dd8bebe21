import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { torchTlProcess } from '../cli/torch-tl.ts';
import { lastingDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import {
  ALONE,
  callWithFault,
  type FaultKind,
  hasCompiler,
  isExhaustive,
  operationsOf,
} from './injection/inject.ts';
import { outcomeOf, requireTidy, resume, resumption, SCENARIOS, succeeds } from './injection/scenarios.ts';

/*
 * Whatever happens at whichever operation on a file, a fresh process finds the old state or the new one. A few operations are tried
 * of each command; `npm run test:crash` tries all, which takes hours.
 */

const KINDS: readonly FaultKind[] = ['cut', 'torn', 'half', 'EIO', 'ENOSPC', 'kill'];
/** Number of operations of a command that are tried by default, and of those that are tried in all. */
const FEW = 3;

/** Some of the numbers, evenly, and always the last. */
function spread(numbers: readonly number[], count: number): number[] {
  if (isExhaustive || numbers.length <= count) return [...numbers];
  return Array.from(
    { length: count },
    (_, index) => numbers[Math.floor(((index + 1) * numbers.length) / count) - 1] as number,
  );
}

describe.skipIf(!hasCompiler)(
  `faults of files${hasCompiler ? '' : ' (needs Linux and a C compiler)'}`,
  () => {
    test.for(Object.entries(SCENARIOS))(
      '%s is whole after a fault at any operation',
      { timeout: isExhaustive ? 36_000_000 : 300_000 },
      async ([, scenario]) => {
        const undisturbed = lastingDirectory();
        const operations = await operationsOf({ cwd: undisturbed, ...(await scenario.prepare(undisturbed)) });
        const expected = scenario.state(undisturbed);
        expect(operations.length).toBeGreaterThan(3);
        let tried = 0;
        for (const [place, at] of spread(operations, FEW).entries()) {
          for (const kind of isExhaustive ? KINDS : [KINDS[place % KINDS.length] as FaultKind]) {
            const cwd = temporaryDirectory();
            const call = { cwd, ...(await scenario.prepare(cwd)) };
            const { code, stderr } = await callWithFault(call, kind, at);
            const where = `${kind} at operation ${at}: ${code} ${stderr}`;
            // A fault that is reported is an error of torch-tl's, not a crash of it.
            expect(stderr, where).not.toContain('bug in torch-tl');
            await scenario.recover(cwd).catch((error: Error) => {
              throw new Error(`${where}\n${error.message}`);
            });
            expect(scenario.state(cwd), where).toEqual(expected);
            tried++;
          }
        }
        if (isExhaustive) console.log(`${operations.length} operations, ${tried} faults`);
      },
    );
  },
);

/** Much at once: features are kept, layers change between stages, weights are averaged, checkpoints at all times. */
const EVERYTHING = [
  ...['run', 'finetune', '--limit-train', '40', '--limit-valid', '20', '--image-size', '32', '--out', 'run'],
  ...[
    '--epochs',
    '4',
    '--batch-size',
    '4',
    '--recipe',
    'gradual',
    '--ema-decay',
    '0.9',
    '--checkpoint-minutes',
    '0.001',
  ],
  ...['--feature-cache', 'features', '--calibrate', '--tensorboard'],
];

describe('SIGKILL at any moment', () => {
  test('of a run, and of its resumption: the next one ends with the same bits', {
    timeout: isExhaustive ? 36_000_000 : 300_000,
  }, async () => {
    const undisturbed = lastingDirectory();
    const begin = performance.now();
    await succeeds(EVERYTHING, undisturbed);
    const milliseconds = Math.ceil(performance.now() - begin);
    const expected = outcomeOf(join(undisturbed, 'run'));
    for (let kills = 0; kills < (isExhaustive ? 200 : 2); ) {
      const cwd = temporaryDirectory();
      const moments = [randomInt(milliseconds), randomInt(milliseconds)];
      for (const moment of moments) {
        if (await killedAt(moment, cwd)) kills++;
      }
      await resume(EVERYTHING, join(cwd, 'run'), cwd).catch((error: Error) => {
        throw new Error(`killed after ${moments.join(' and ')} ms: ${error.message}`);
      });
      expect(outcomeOf(join(cwd, 'run')), `killed after ${moments.join(' and ')} ms`).toEqual(expected);
      requireTidy(join(cwd, 'run'));
    }
  });
});

/** Runs or resumes, and kills it after some time; false where it had ended before. */
async function killedAt(milliseconds: number, cwd: string): Promise<boolean> {
  const time = performance.now() + milliseconds;
  const onTick = (kill: (signal: NodeJS.Signals) => void) => performance.now() >= time && kill('SIGKILL');
  const { code } = await torchTlProcess(resumption(EVERYTHING, join(cwd, 'run')), {
    cwd,
    env: ALONE,
    onTick,
  });
  return code === null;
}
