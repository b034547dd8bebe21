import { describe, expect, test } from 'vitest';
import { InputError } from '../../lib/errors.ts';
import { html } from '../../lib/report/html.ts';
import { shown, shownJson, shownText } from '../../lib/support/printable.ts';

/** By ranges of Unicode, so that no property of a regular expression is tested by itself. */
const UNFIT: Array<[number, number]> = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x61c, 0x61c],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2066, 0x2069],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
];

const unfit = UNFIT.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index)),
);

function isFit(text: string): boolean {
  return !unfit.some((sign) => text.includes(sign));
}

describe('a name that is shown', () => {
  test('has nothing that steers a terminal, breaks a line or turns the direction of reading', () => {
    for (const sign of unfit) expect(isFit(shown(`a${sign}b`)), sign.charCodeAt(0).toString(16)).toBe(true);
  });

  test('says what stood there', () => {
    expect(shown('\x1b]0;title\x07 \r\n\t\x7f\x9b \u202etxt.exe \ud800')).toBe(
      '\\x1b]0;title\\x07 \\r\\n\\t\\x7f\\x9b \\u202etxt.exe \\ud800',
    );
  });

  test.each(['C:\\images\\cat.jpg', 'Größe 漢字 🐈‍⬛ "x" می‌خواهم', ''])('stays as it is: %s', (name) => {
    expect(shown(name)).toBe(name);
    expect(shownText(name)).toBe(name);
  });
});

test('a text that is shown keeps its lines and nothing else of that kind', () => {
  expect(shownText('a\n  b\x1b[31m\r')).toBe('a\n  b\\x1b[31m\\r');
});

test('JSON that is shown has the same values', () => {
  const value = { [`${unfit.join(' ')}__proto__`]: [unfit.join(' '), 'Größe 漢字'], number: 0.1 };
  const json = shownJson(value);
  expect(isFit(json.replaceAll('\n', ''))).toBe(true);
  expect(JSON.parse(json)).toEqual(value);
});

test("an error's message is one line whatever it names, unless it is given as several", () => {
  const name = 'x\n\x1b[2Jfake: all is well';
  expect(new InputError('DATA_INVALID', `The class '${name}' is empty.`).message).toBe(
    "The class 'x\\n\\x1b[2Jfake: all is well' is empty.",
  );
  expect(new InputError('DATA_INVALID', ['Two are broken:', `  ${name}`]).message).toBe(
    'Two are broken:\n  x\\n\\x1b[2Jfake: all is well',
  );
});

test('a report has no control characters either', () => {
  expect(html`<td>${'<b>\x1b[31m\u202e'}</td>`.text).toBe('<td>&#60;b&#62;\\x1b[31m\\u202e</td>');
});
