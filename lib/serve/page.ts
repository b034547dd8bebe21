import type { FastifyInstance } from 'fastify';
import { type Html, html } from '../report/html.ts';
import { livePage, serveAssets } from '../web/pages.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { UploadLimits } from './uploads.ts';

interface PageOptions extends UploadLimits {
  token?: string | undefined;
}

/** Adds the page on which people try a model, with its script and style. */
export async function addPage(app: FastifyInstance, options: PageOptions): Promise<void> {
  const page = pageOf(options).text;
  app.get('/', async (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
  await serveAssets(app, ['serve', 'serve-requests', 'serve-view'], PAGE_STYLE);
}

/** The page needs no token, and says nothing of the model; its script asks for that. */
function pageOf({ maxBodySize, token }: PageOptions): Html {
  return livePage({
    title: 'Try the model',
    script: 'serve',
    body: html`<main id="try" data-max-body-size="${maxBodySize}" data-token="${token === undefined ? 'none' : 'needed'}">
<h1>Try the model</h1>
<noscript><p class="warning">This page needs JavaScript. <code>POST /predict</code> works without it.</p></noscript>
<form id="token-form" class="token" hidden>
<label for="token">Token of this server</label>
<div><input id="token" type="password" autocomplete="off" required><button>Continue</button></div>
<p class="note" id="token-note">It is kept until you close or reload this page.</p>
</form>
<div id="tool" hidden>
<p id="model" class="lede"></p>
<div id="drop" class="drop">
<input id="files" type="file" accept="image/*" multiple><label for="files" class="button">Choose pictures</label>
<p>or drop them anywhere on this page, or paste one.</p>
</div>
<p id="status" class="note" role="status"></p>
<ul id="pictures" class="pictures" aria-label="Pictures"></ul>
<p><button id="clear" class="plain" hidden>Remove all pictures</button></p>
<details><summary>Classes</summary><p id="classes" class="note"></p></details>
</div>
</main>
<footer>Pictures go to this server only, which keeps none of them.</footer>`,
  });
}
