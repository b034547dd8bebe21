import { expect, test } from 'vitest';
import { unpickle } from '../../lib/formats/pickle.ts';

function read(text: string): unknown {
  const refuse = (problem: string) => new Error(problem);
  return unpickle(Buffer.from(text, 'latin1'), 0, {
    find: () => {
      throw refuse('a name');
    },
    load: () => null,
    refuse,
  }).value;
}

test.each([
  ['I0\n.', 0],
  ['I-17\n.', -17],
  ['I01\n.', true],
  ['I00\n.', false],
])('the integer of %j is %s', (text, value) => {
  expect(read(text)).toBe(value);
});

// Number() would take nearly all of them.
test.each(['I1e3\n.', 'I9007199254740993\n.', 'I0x10\n.', 'I010\n.', 'I \n.', 'I\n.', 'I1.5\n.', 'I+-1\n.'])(
  'there is no integer in %j, and it is refused',
  (text) => {
    expect(() => read(text)).toThrow('integer');
  },
);
