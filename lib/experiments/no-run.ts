import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ErrorCode, InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { pathHint, shortPath } from '../support/nearest-path.ts';
import { kindOf } from '../support/regular-file.ts';
import { runsIn } from './run-directory.ts';

/**
 * The error for a directory that should hold a run, and has no config.json.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function noRun(directory: string): Promise<InputError> {
  const { code, why } = await whyNoRun(directory);
  return new InputError(code, why);
}

/**
 * The error for resuming a run in such a directory, where no option says what a new run would train with.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function nothingToResume(directory: string): Promise<InputError> {
  const { code, why } = await whyNoRun(directory);
  const said = (option: string) => `${why} To start a new run there, say with ${option} what to train with.`;
  return new InputError(code, said('`data`'), { atCommandLine: said('--data') });
}

async function whyNoRun(directory: string): Promise<{ code: ErrorCode; why: string }> {
  const path = resolve(directory);
  const status = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
    throw unreadable(path, cause);
  });
  if (status === null) {
    const why = `There is no directory ${path}, and so no run.${await pathHint(directory)}`;
    return { code: 'FILE_UNREADABLE', why };
  }
  const help = status.isDirectory() ? await helpIn(directory) : `it is ${kindOf(status)}.`;
  return { code: 'RUN_INVALID', why: `${path} is not a run's directory: ${help}` };
}

async function helpIn(directory: string): Promise<string> {
  const inside = (await runsIn(directory)).map((name) => shortPath(join(directory, name)));
  return inside.length > 0
    ? `it has no config.json. The runs ${inside.join(', ')} lie in it: name them.`
    : 'it has no config.json. Give what torch-tl run or train wrote to, such as runs/finetune-20260101-120000.';
}
