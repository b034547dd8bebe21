import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AMONG_TESTS } from './limits.ts';
import { checkInput, type Target } from './target.ts';

/*
 * Every input that the fuzzer starts from, and every one that it has found something with, goes through its target.
 * `npm run fuzz` looks for others.
 */

const TARGETS = join(import.meta.dirname, 'targets');
const CORPUS = join(import.meta.dirname, 'corpus');

const names = readdirSync(TARGETS).map((name) => name.replace(/\.ts$/, ''));

test('every target has inputs, and every directory of inputs is of a target', () => {
  expect(readdirSync(CORPUS).sort()).toEqual(names.sort());
});

describe.each(names)('%s', (name) => {
  test('reads or refuses all inputs, as the bytes say, and reads some', async () => {
    const { target } = (await import(`./targets/${name}.ts`)) as { target: Target };
    const directory = join(CORPUS, name);
    const read = [];
    for (const input of readdirSync(directory)) {
      const isRead = await checkInput(target, readFileSync(join(directory, input)), AMONG_TESTS).catch(
        (error: Error) => {
          throw new Error(`${name}/${input}: ${error.message}`, { cause: error });
        },
      );
      if (isRead) read.push(input);
    }
    expect(read).not.toEqual([]);
  });
});
