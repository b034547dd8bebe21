import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { type Content, type Html, html } from '../report/html.ts';
import { STYLE } from '../report/style.ts';
import { packageRoot } from '../support/package-root.ts';
import { LIVE_STYLE } from './live-style.ts';

/** Content of a page that a server gives. */
export interface LivePage {
  title: string;
  body: Content;
  /** Name of the script in lib/browser. */
  script: 'serve' | 'watch';
  /** Path from the page to the server's root, such as `../`. */
  root?: string;
}

/** Builds a page that loads its style sheet and one script from its server, and nothing from elsewhere. */
export function livePage({ title, body, script, root = '' }: LivePage): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${root}style.css">
<script type="module" src="${root}${script}.js"></script>
</head>
<body>
${body}
</body>
</html>
`;
}

/**
 * Serves the style sheet of the pages and their scripts.
 *
 * @param scripts names in lib/browser: a page's script, and the modules that it imports
 * @param style what these pages have beyond the style of all
 */
export async function serveAssets(
  app: FastifyInstance,
  scripts: readonly string[],
  style = '',
): Promise<void> {
  app.get('/style.css', async (_request, reply) =>
    reply.type('text/css; charset=utf-8').send(STYLE + LIVE_STYLE + style),
  );
  for (const script of scripts) {
    const code = await readFile(join(packageRoot, 'dist', 'browser', `${script}.js`), 'utf8');
    app.get(`/${script}.js`, async (_request, reply) =>
      reply.type('text/javascript; charset=utf-8').send(code),
    );
  }
}
