import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseJson, readJsonFile } from '../../lib/formats/json.ts';
import { readRecipe } from '../../lib/options/recipe-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test.each([
  ['{"a":1,"a":2}', 'a'],
  ['{"a":[{"b":{}},{"c":0,"\\u0063":0}]}', 'c'],
  ['{"a":{"x":1},"b":{"x":1},"a":0}', 'a'],
  ['[[],{"":1,"":2}]', ''],
])('an object with a key twice is refused, of which one value would be dropped: %s', (text, key) => {
  expect(() => parseJson(text)).toThrow(`it has the key "${key}" twice in one object`);
});

test.each(['{"a":{"a":1},"b":[{"a":1},{"a":1}]}', '["a","a"]', '{"a":"\\"a\\":1,\\"a\\":2"}'])(
  'a key may stand in several objects: %s',
  (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  },
);

test.each(['1e309', '[-1e400]', '{"a":{"b":9e90071992547409939}}'])(
  'a number that would become infinite is refused: %s',
  (text) => {
    expect(() => parseJson(text)).toThrow('it has a number beyond 1.7976931348623157e+308');
  },
);

test('the largest number is one', () => {
  expect(parseJson('[1.7976931348623157e308]')).toEqual([Number.MAX_VALUE]);
});

test('a recipe that sets an option twice, and one that is not UTF-8, are refused by name', () => {
  const path = join(temporaryDirectory(), 'recipe.json');
  const refused = (message: RegExp) =>
    expect(() => readRecipe(path)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
  writeFileSync(path, '{"formatVersion":1,"stages":[{"epochs":1,"epochs":30}]}');
  refused(/recipe\.json .* the key "epochs" twice/);
  writeFileSync(path, Buffer.from('{"formatVersion":1,\n"stages":[{"name":"\xe9","epochs":1}]}', 'latin1'));
  refused(/recipe\.json: it is not a text in UTF-8, from line 2 on/);
});

test('a file of a run that is not UTF-8 is refused as such', async () => {
  const path = join(temporaryDirectory(), 'config.json');
  writeFileSync(path, Buffer.from('{"a":"\xff"}', 'latin1'));
  await expect(readJsonFile(path, 'RUN_INVALID')).rejects.toMatchObject({
    code: 'RUN_INVALID',
    message: expect.stringContaining('not a text in UTF-8, from line 1 on'),
  });
});
