import { nestsDeeper } from './json-scan.ts';

/** More than anything of ours nests; what goes through values by calling itself would run out of stack. */
const DEEPEST = 100;

/**
 * The value of JSON from an unknown source.
 *
 * @throws SyntaxError, also where it nests deeper than anything of ours
 */
export function parseJson(text: string): unknown {
  if (nestsDeeper(text, DEEPEST)) throw new SyntaxError(`it nests more than ${DEEPEST} deep`);
  return JSON.parse(text) as unknown;
}
