import { resolve } from 'node:path';
import { type ErrorCode, InputError } from '../errors.ts';
import { isSystemError, unreadable } from '../support/files.ts';
import { readRegularText } from '../support/regular-file.ts';
import { nestsDeeper } from './json-scan.ts';

/** Deeper than any of our files nests. Recursive functions over the values would overflow the stack on deep nesting. */
const MAX_DEPTH = 100;

/**
 * Parses JSON from an untrusted source.
 *
 * @throws SyntaxError with our own message, also for nesting deeper than `MAX_DEPTH`
 */
export function parseJson(text: string): unknown {
  if (nestsDeeper(text, MAX_DEPTH)) throw new SyntaxError(`its values nest more than ${MAX_DEPTH} deep`);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new SyntaxError(`it is not JSON${placeOf(error as SyntaxError, text)}`);
  }
}

/**
 * Reads a JSON file; returns null if it does not exist.
 *
 * @throws InputError `FILE_UNREADABLE`, or `invalid` if the file is not JSON
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

/** The place of the first error, or an empty string if JSON.parse does not report it. */
function placeOf({ message }: SyntaxError, text: string): string {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position === undefined) return '';
  const lines = text.slice(0, Number(position)).split('\n');
  return ` (line ${lines.length}, column ${(lines.at(-1) as string).length + 1})`;
}
