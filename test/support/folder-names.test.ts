import { describe, expect, test } from 'vitest';
import { folderNames, numbered } from '../../lib/support/folder-names.ts';

describe('folderNames', () => {
  test.each([
    ['rose', 'rose'],
    ['Königin der Nacht', 'Königin der Nacht'],
    ['a/b', 'a_b'],
    ['..', '_'],
    ['.', '_'],
    ['', '_'],
    ['   ', '_'],
    ['.hidden', '_.hidden'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['console', 'console'],
    ['unsure', 'unsure-2'],
    ['Unsure', 'Unsure-2'],
    ['../../etc', '_.._.._etc'],
    ['C:\\x', 'C__x'],
    ['what?', 'what_'],
    ['dot.', 'dot'],
    ['line\nbreak\0', 'line_break_'],
    ['\ud800', '_'],
    ['e\u0301', '\u00e9'],
  ])('%j is %j', (name, folder) => {
    expect(folderNames([name], ['unsure'])).toEqual([folder]);
  });

  test('are different without regard to case, and leave whole names alone', () => {
    expect(folderNames(['a/b', 'a_b', 'A_B', 'a:b'])).toEqual(['a_b-3', 'a_b', 'A_B-2', 'a_b-4']);
  });

  test('fit into 255 bytes', () => {
    const long = 'é'.repeat(200);
    const names = folderNames([`${long}1`, `${long}2`]);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
  });
});

test('a numbered copy keeps its extension', () => {
  expect(numbered('rose.jpg', 1)).toBe('rose.jpg');
  expect(numbered('rose.jpg', 2)).toBe('rose-2.jpg');
  expect(numbered('rose', 3)).toBe('rose-3');
  expect(numbered('.jpg', 2)).toBe('.jpg-2');
  expect(Buffer.byteLength(numbered(`${'x'.repeat(251)}.jpg`, 12))).toBe(255);
});
