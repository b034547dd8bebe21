import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/support/package-root.ts';

export interface Block {
  language: string;
  text: string;
}

/** README.md, CONTRIBUTING.md and docs/, by their paths. */
export function documents(): Map<string, string> {
  const pages = readdirSync(join(packageRoot, 'docs')).filter((name) => name.endsWith('.md'));
  const paths = ['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)];
  return new Map(paths.map((path) => [path, readFileSync(join(packageRoot, path), 'utf8')]));
}

/** The fenced blocks of a page that say their language; those of a list are indented with it. */
export function blocksOf(page: string): Block[] {
  const blocks = page.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms);
  return [...blocks].map(([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The commands of a page's `sh` blocks. */
export function commandsOf(page: string): string[] {
  const shells = blocksOf(page).filter(({ language }) => language === 'sh');
  return shells.flatMap(linesOf);
}

/** The commands of one, without comments. */
export function linesOf({ text }: Block): string[] {
  return text
    .replaceAll(/ *# .*$/gm, '')
    .trim()
    .split('\n');
}

/** The code spans of a page that call the command line, such as `torch-tl run <experiment>`, without `torch-tl`. */
export function mentionsOf(page: string): string[] {
  const prose = page.replaceAll(/^ *```.*?^ *```$/gms, '');
  return [...prose.matchAll(/`(?:npx )?torch-tl ([a-z][^`]*)`/g)].map(([, mention = '']) => mention);
}

/** The links of a page to files of the repository and to headings. */
export function linksOf(page: string): Array<{ file: string; heading: string | undefined }> {
  const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links
    .filter((target) => !/^\w+:/.test(target))
    .map((target) => {
      const [file = '', heading] = target.split('#');
      return { file, heading };
    });
}
