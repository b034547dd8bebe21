const UNRELEASED = '## Unreleased\n';

/**
 * Turns the unreleased part of the changelog into the entry of a version, below a new empty unreleased part.
 *
 * @param {string} text
 * @param {string} version such as `0.1.0`
 * @param {string} date such as `2026-01-31`
 */
export function datedChangelog(text, version, date) {
  const [, rest] = text.split(UNRELEASED);
  if (rest === undefined) throw new Error('CHANGELOG.md has no section "## Unreleased".');
  if (text.includes(`## ${version} - `)) throw new Error(`CHANGELOG.md already has an entry for ${version}.`);
  if (!/^- /m.test(rest.split('\n## ')[0]))
    throw new Error('CHANGELOG.md lists no changes since the last release.');
  return text.replace(UNRELEASED, `${UNRELEASED}\n## ${version} - ${date}\n`);
}
