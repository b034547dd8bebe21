const UNRELEASED = '## Unreleased\n';

/**
 * The changelog with its unreleased part as the entry of a version, and an empty one above it.
 *
 * @param {string} text
 * @param {string} version such as `0.1.0`
 * @param {string} date such as `2026-01-31`
 */
export function datedChangelog(text, version, date) {
  const [, rest] = text.split(UNRELEASED);
  if (rest === undefined) throw new Error('CHANGELOG.md has no part "## Unreleased".');
  if (text.includes(`## ${version} - `)) throw new Error(`CHANGELOG.md has an entry of ${version} already.`);
  if (!/^- /m.test(rest.split('\n## ')[0]))
    throw new Error('CHANGELOG.md says of no change since the last release.');
  return text.replace(UNRELEASED, `${UNRELEASED}\n## ${version} - ${date}\n`);
}
