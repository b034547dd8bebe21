import { expect, test } from 'vitest';

const { datedChangelog } = (await import(new URL('../../scripts/changelog.js', import.meta.url).href)) as {
  datedChangelog(text: string, version: string, date: string): string;
};

const BEFORE = '# Changelog\n\n## Unreleased\n\n### Added\n\n- This.\n\n## 0.1.0 - 2026-01-31\n\n- That.\n';

test('a release takes what is unreleased, and leaves an empty part for what comes next', () => {
  expect(datedChangelog(BEFORE, '0.2.0', '2026-02-28')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-02-28\n\n### Added\n\n- This.\n\n## 0.1.0 - 2026-01-31\n\n- That.\n',
  );
});

test.for([
  [
    'no unreleased part',
    '# Changelog\n\n## 0.1.0 - 2026-01-31\n\n- That.\n',
    'has no section "## Unreleased"',
  ],
  ['no change in it', BEFORE.replace('- This.\n', ''), 'lists no changes'],
  ['an entry of that version', BEFORE.replace('0.1.0', '0.2.0'), 'already has an entry for 0.2.0'],
] as const)('a changelog with %s is refused', ([, text, message]) => {
  expect(() => datedChangelog(text, '0.2.0', '2026-02-28')).toThrow(message);
});
