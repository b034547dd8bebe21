import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/support/package-root.ts';
import { allCommands } from '../support/command-line.ts';
import { documents, linksOf, mentionsOf } from '../support/documents.ts';

const pages = documents();
const commands = await allCommands();

describe.each([...pages])('%s', (path, page) => {
  test('mentions commands and flags that there are', () => {
    for (const mention of mentionsOf(page)) {
      const words = mention.split(/[ |]/);
      const command = commands.get(words.slice(0, 2).join(' ')) ?? commands.get(words[0] ?? '');
      expect(command, mention).toBeDefined();
      const known = ['--help', '--verbose', ...(command?.options.map(({ long }) => long) ?? [])];
      const flags = words.filter((word) => /^--\w/.test(word));
      expect(known, mention).toEqual(expect.arrayContaining(flags));
    }
  });

  test('links to files and headings that there are', () => {
    for (const { file, heading } of linksOf(page)) {
      const target = file === '' ? path : join(dirname(path), file);
      expect(existsSync(join(packageRoot, target)), target).toBe(true);
      // TypeDoc's own links count headings that are there twice.
      if (heading && path !== 'docs/api.md')
        expect(headingsOf(pages.get(target) ?? ''), target).toContain(heading);
    }
  });
});

test("README.md's table has every command", () => {
  const table =
    pages
      .get('README.md')
      ?.match(/^\| `torch-tl .*$/gm)
      ?.join('\n') ?? '';
  const names = [...commands.keys()].filter((name) => !name.includes(' '));
  for (const name of names) expect(table).toMatch(new RegExp(`^\\| \`torch-tl ${name}\\b`, 'm'));
});

test('docs/troubleshooting.md has an entry for every error code, and for no other', () => {
  const source = readFileSync(join(packageRoot, 'lib', 'errors.ts'), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code);
  const entries = pages.get('docs/troubleshooting.md')?.matchAll(/^### ([A-Z_]+)$/gm) ?? [];
  expect(codes.length).toBeGreaterThan(0);
  expect([...entries].map(([, code]) => code).sort()).toEqual(codes.sort());
});

test('docs/api.md has everything that the package exports; npm run docs:api writes it', () => {
  const source = readFileSync(join(packageRoot, 'lib', 'index.ts'), 'utf8');
  const lists = [...source.matchAll(/\{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(','));
  const names = lists.map((name) => name.replace(/^\s*type /, '').trim()).filter((name) => name !== '');
  const entries = [...(pages.get('docs/api.md')?.matchAll(/^### (\w+)(\(\))?$/gm) ?? [])];
  expect(entries.map(([, name]) => name).sort()).toEqual(names.sort());
});

/** The anchors of a page's headings, as GitHub makes them. */
function headingsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
