import { resolve } from 'node:path';
import { type ErrorCode, InputError } from '../errors.ts';
import { isNoText, isSystemError, unreadable } from '../support/files.ts';
import { quoted } from '../support/quoted.ts';
import { readRegularText } from '../support/regular-file.ts';
import { duplicateKey, nestsDeeper } from './json-scan.ts';

/** Deeper than any of our files nests. Recursive functions over the values would overflow the stack on deep nesting. */
const MAX_DEPTH = 100;

/**
 * Parses JSON from an untrusted source.
 *
 * @throws SyntaxError with our own message, also for nesting deeper than `MAX_DEPTH`, for a duplicate key, of which
 *   JSON.parse would silently use the last value, and for a number so large that JSON.parse would make it infinite
 */
export function parseJson(text: string): unknown {
  if (nestsDeeper(text, MAX_DEPTH)) throw new SyntaxError(`its values nest more than ${MAX_DEPTH} deep`);
  const value = parsed(text);
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined)
    throw new SyntaxError(`it has the key ${quoted(duplicate)} twice in one object`);
  if (hasInfinity(value)) throw new SyntaxError(`it has a number beyond ${Number.MAX_VALUE}`);
  return value;
}

function hasInfinity(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasInfinity);
}

function parsed(text: string): unknown {
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
    if (isSystemError(cause) && ['ENOENT', 'ENOTDIR'].includes(cause.code)) return null;
    throw unreadable(path, cause, isNoText(cause) ? invalid : undefined);
  }
}

/** The place of the first error, or an empty string if JSON.parse does not report it. */
function placeOf({ message }: SyntaxError, text: string): string {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position === undefined) return '';
  const lines = text.slice(0, Number(position)).split('\n');
  return ` (line ${lines.length}, column ${(lines.at(-1) as string).length + 1})`;
}
