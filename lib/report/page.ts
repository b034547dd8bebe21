import { packageVersion } from '../support/version.ts';
import { type Content, Html, html } from './html.ts';
import { STYLE } from './style.ts';

/** Marks a file as a report; it stands near the beginning of the file. */
export const GENERATOR = '<meta name="generator" content="torch-tl report">';

/** Content of a page. */
export interface Page {
  title: string;
  body: Content;
}

/** Builds a self-contained page: it runs no script and loads no other file. */
export function page({ title, body }: Page): Html {
  const now = new Date().toISOString();
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${new Html(GENERATOR)}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
${body}
<footer>Written on <time datetime="${now}">${now.slice(0, 16).replace('T', ' ')} UTC</time> by torch-tl ${packageVersion()}. The paper: Edward A. Ortiz,
“Understanding Transfer Learning as a methodology for efficiency in training CNN’s models”.</footer>
</body>
</html>
`;
}

/** Builds the links to the sections of a page. */
export function contents(sections: ReadonlyArray<readonly [id: string, name: string]>): Html {
  return html`<nav aria-label="Sections"><ul>${sections.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>`;
}
