import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { unreadable } from '../files.ts';
import { pathHint } from '../nearest-path.ts';
import { runsIn } from './run-directory.ts';

/**
 * The error for a directory that should hold a run, and has no config.json.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function noRun(directory: string): Promise<InputError> {
  return new InputError('RUN_INVALID', await whyNoRun(directory));
}

/**
 * The error for a run that was to go on in such a directory, where nothing says what a new one would be.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function nothingToGoOn(directory: string): Promise<InputError> {
  const why = await whyNoRun(directory);
  const said = (option: string) => `${why} A new run starts there where ${option} says what to train with.`;
  return new InputError('RUN_INVALID', said('`data`'), { atCommandLine: said('--data') });
}

async function whyNoRun(directory: string): Promise<string> {
  const path = resolve(directory);
  const status = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
    throw unreadable(path, cause);
  });
  if (status === null) return `There is no directory ${path}, and so no run.${await pathHint(directory)}`;
  if (!status.isDirectory()) return `${path} is no run's directory: it is a file.`;
  const inside = (await runsIn(path)).map((name) => join(directory, name));
  const help =
    inside.length > 0
      ? `The runs ${inside.join(', ')} lie in it: name them.`
      : 'Give what torch-tl run or train wrote to, such as runs/finetune-20260101-120000.';
  return `${path} is no run's directory: it has no config.json. ${help}`;
}
