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

/** Where it ends to be JSON; nothing where JSON.parse does not tell. */
function placeOf({ message }: SyntaxError, text: string): string {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position === undefined) return '';
  const lines = text.slice(0, Number(position)).split('\n');
  return ` from line ${lines.length} column ${(lines.at(-1) as string).length + 1} on`;
}
