import { describe, expect, test } from 'vitest';
import { csvPath, csvRow } from '../../lib/formats/csv.ts';

describe('a row of CSV', () => {
  test.each(['=', '+', '-', '@', '＝', '＋', '－', '＠'])(
    'begins no text as a formula does, with %s',
    (sign) => {
      expect(csvRow([`${sign}HYPERLINK("http://x")`, 'b'])).toBe(`"'${sign}HYPERLINK(""http://x"")",b`);
    },
  );

  test('leaves numbers as they are', () => {
    expect(csvRow([-0.5, 1e-7, Number.NaN])).toBe('-0.5,1e-7,NaN');
  });

  test('is one line, whatever the names', () => {
    expect(csvRow(['a\r\nb', '\t=1', '\x1b[31m'])).toBe('a\\r\\nb,\\t=1,\\x1b[31m');
  });

  test('names the same file with a path that would be a formula', () => {
    expect(['-1.png', '=a/b.png', 'a/=b.png', '/=a.png', '../-a.png'].map(csvPath)).toEqual([
      './-1.png',
      './=a/b.png',
      'a/=b.png',
      '/=a.png',
      '../-a.png',
    ]);
  });
});
