import { expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { checkInput, type Target } from './target.ts';

/*
 * What counts as a finding. Were it missed here, no target would ever find it.
 */

const INPUT = Buffer.from('input');

const targetOf = (read: Target['read']): Target => ({ refusals: ['DATA_INVALID'], read });

/** A target that refuses everything with this code and message, behind the directory. */
const refusing = (code: 'DATA_INVALID' | 'OUT_OF_MEMORY', message: (directory: string) => string) =>
  targetOf(async (_, directory) => {
    throw new InputError(code, message(directory));
  });

test('an input that is read, or refused as it may be, is none', async () => {
  expect(
    await checkInput(
      targetOf(async () => {}),
      INPUT,
    ),
  ).toBe(true);
  const refused = refusing('DATA_INVALID', (directory) => `${directory}/a is wrong`);
  expect(await checkInput(refused, INPUT)).toBe(false);
});

test.each<[string, Target, RegExp]>([
  [
    'an error that nobody meant',
    targetOf(() => Promise.reject(new TypeError('x of undefined'))),
    /x of undef/,
  ],
  ['a code of another reader', refusing('OUT_OF_MEMORY', (directory) => `${directory}/a`), /\/a$/],
  ['a message without the file', refusing('DATA_INVALID', () => 'it is wrong'), /names no file: it is wrong/],
  [
    'a message as long as the file',
    refusing('DATA_INVALID', (directory) => directory + 'x'.repeat(5000)),
    /characters are too many/,
  ],
])('%s is one', async (_, target, message) => {
  await expect(checkInput(target, INPUT)).rejects.toThrow(message);
});

test.runIf(process.platform === 'linux')(
  'much memory for a small input is one, and is seen after it was freed',
  async () => {
    const target = targetOf(async () => void Buffer.alloc(512 << 20, 1));
    await expect(checkInput(target, INPUT)).rejects.toThrow(/^It took \d+ bytes of memory for 5, more than/);
  },
);

test('a refused input is read again with its lengths and checksums made right', async () => {
  const target: Target = {
    ...targetOf(async (bytes, directory) => {
      if (!Buffer.from(bytes).equals(Buffer.from('repaired')))
        throw new InputError('DATA_INVALID', `${directory}/a is wrong`);
    }),
    repaired: () => Buffer.from('repaired'),
  };
  expect(await checkInput(target, INPUT)).toBe(true);
  const broken: Target = { ...target, repaired: () => Buffer.from('still wrong') };
  expect(await checkInput(broken, INPUT)).toBe(false);
});
