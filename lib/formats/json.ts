import { resolve } from 'node:path';
import { type ErrorCode, InputError } from '../errors.ts';
import { isSystemError, unreadable } from '../support/files.ts';
import { readRegularText } from '../support/regular-file.ts';
import { nestsDeeper } from './json-scan.ts';

/** More than anything of ours nests; what goes through values by calling itself would run out of stack. */
const DEEPEST = 100;

/**
 * The value of JSON from an unknown source.
 *
 * @throws SyntaxError that says in words of ours what is wrong, also where it nests deeper than anything of ours
 */
export function parseJson(text: string): unknown {
  if (nestsDeeper(text, DEEPEST)) throw new SyntaxError(`it nests more than ${DEEPEST} deep`);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new SyntaxError(`it is not JSON${placeOf(error as SyntaxError, text)}`);
  }
}

/**
 * What a JSON file holds; null where there is none.
 *
 * @throws InputError `FILE_UNREADABLE`, or `invalid` where it is not JSON
 */
export async function readJsonFile(path: string, invalid: ErrorCode): Promise<unknown> {
  try {
    return parseJson(await readRegularText(path));
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new InputError(invalid, `${resolve(path)} cannot be used: ${cause.message}.`, { cause });
    }
    if (isSystemError(cause) && cause.code === 'ENOENT') return null;
    throw unreadable(path, cause);
  }
}

/** Where it ends to be JSON; nothing where JSON.parse does not tell. */
function placeOf({ message }: SyntaxError, text: string): string {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position === undefined) return '';
  const lines = text.slice(0, Number(position)).split('\n');
  return ` from line ${lines.length} column ${(lines.at(-1) as string).length + 1} on`;
}
