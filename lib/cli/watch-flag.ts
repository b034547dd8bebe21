import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { WATCH_PORT } from '../options/index.ts';
import { isQuiet } from './output.ts';
import type { Watching } from './watching.ts';

/** Adds the flag that lets people follow a training in the browser. */
export function addWatch(command: Command): Command {
  return command.option(
    '--watch [port]',
    `let a browser on this machine follow the run, and print the URL (default port: ${WATCH_PORT}, or a free one if that is taken)`,
  );
}

/**
 * Starts a server that follows the training of this process, if the command's --watch asks for it; else null. Of several
 * processes one shows the run.
 *
 * @throws InputError `INVALID_ARGUMENT` or `LISTEN_FAILED`
 */
export async function givenWatch(command: Command): Promise<Watching | null> {
  const { watch } = command.opts<{ watch?: true | string }>();
  if (watch === undefined || isQuiet()) return null;
  const port = portOf(watch);
  const { Watching } = await import('./watching.ts');
  return Watching.start(port);
}

function portOf(watch: true | string): number | undefined {
  if (watch === true) return undefined;
  const port = Number(watch);
  if (/^\d+$/.test(watch) && port <= 65_535) return port;
  throw new InputError('INVALID_ARGUMENT', `--watch takes a port from 0 to 65535, not ${watch}.`);
}
