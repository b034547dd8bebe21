import { join } from 'node:path';
import type { Command } from 'commander';
import { readMembership } from '../distributed/environment.ts';
import { InputError } from '../errors.ts';
import { launchOptions } from '../options/index.ts';
import { packageRoot } from '../support/package-root.ts';
import { addFlags, readFlags } from './flags.ts';
import { setQuiet } from './output.ts';

/*
 * Commands whose work several processes can share.
 */

/** Adds the flag that starts them on this machine. */
export function addProcesses(command: Command): Command {
  return addFlags(command, launchOptions);
}

/**
 * Runs the work of a command, or with --processes the command itself in so many processes. Rank 0 prints; the others do
 * so with --verbose only.
 *
 * @throws what `work` throws; InputError `INVALID_ARGUMENT`
 */
export async function inProcesses(command: Command, work: () => Promise<void>): Promise<void> {
  const { processes } = readFlags(command, launchOptions);
  const { verbose: isVerbose = false } = command.parent?.opts<{ verbose?: true }>() ?? {};
  const isOff = command.opts<{ distributed?: string }>().distributed === 'off';
  if (processes === 1) {
    const isLaunched = process.channel !== undefined && readMembership(process.env) !== null;
    if (isLaunched) (await import('./processes.ts')).endWithLauncher();
    const rank = isOff ? 0 : (readMembership(process.env)?.rank ?? 0);
    setQuiet(rank > 0 && !isVerbose);
    try {
      return await work();
    } catch (error) {
      const { failJob } = await import('../distributed/join.ts');
      await failJob(error);
      throw error;
    }
  }
  if (isOff) {
    const message = '--processes would have no effect with --distributed off. Leave out one of the two.';
    throw new InputError('INVALID_ARGUMENT', message);
  }
  const { runProcesses } = await import('./processes.ts');
  const program = join(packageRoot, 'bin', 'torch-tl.js');
  const given = [...(isVerbose ? ['--verbose'] : []), ...withoutProcesses(command.parent?.args ?? [])];
  const args = [...process.execArgv, program, ...given];
  process.exitCode = await runProcesses({ processes, command: process.execPath, args });
}

/** The arguments without `--processes 2` or `--processes=2`. */
export function withoutProcesses(args: readonly string[]): string[] {
  return args.filter(
    (argument, index) =>
      argument !== '--processes' && !argument.startsWith('--processes=') && args[index - 1] !== '--processes',
  );
}
