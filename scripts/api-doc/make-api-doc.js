/*
 * Writes docs/api.md from the doc comments of what lib/index.ts exports; `npm run docs:api` installs TypeDoc and calls it.
 *
 *   node scripts/api-doc/make-api-doc.js [--check]
 *
 * With --check it writes nothing, and exits 1 where the page is not what it would write.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';

const HEADING = `# API

<!-- Made by \`npm run docs:api\` from the doc comments in lib/; change them there. -->

What \`import ... from 'torch-tl'\` gives. The options of training, with their defaults, are explained in
[options.md](options.md), the codes of errors in [troubleshooting.md](troubleshooting.md).
`;

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = join(root, 'docs', 'api.md');
const text = await makePage();
if (!process.argv.includes('--check')) {
  writeFileSync(page, text);
} else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/api.md is not what the doc comments say: `npm run docs:api` writes it anew.');
  process.exitCode = 1;
}

async function makePage() {
  const out = mkdtempSync(join(tmpdir(), 'torch-tl-api-doc-'));
  try {
    await convert(out);
    const made = readFileSync(join(out, 'README.md'), 'utf8');
    return `${HEADING}\n${made.slice(made.indexOf('## '))}`;
  } finally {
    rmSync(out, { recursive: true });
  }
}

async function convert(out) {
  const app = await Application.bootstrapWithPlugins({
    entryPoints: [join(root, 'lib', 'index.ts')],
    tsconfig: join(root, 'tsconfig.build.json'),
    plugin: ['typedoc-plugin-markdown', 'typedoc-plugin-zod'].map((name) =>
      fileURLToPath(import.meta.resolve(name)),
    ),
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    readme: 'none',
    // Types that are exported for the sake of one signature need no entry of their own.
    validation: { notExported: false },
    logLevel: 'Warn',
    out,
    outputFileStrategy: 'modules',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: 'table',
    propertyMembersFormat: 'table',
    classPropertiesFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
  });
  const project = await app.convert();
  if (!project || app.logger.hasErrors()) throw new Error('TypeDoc found errors.');
  await app.generateOutputs(project);
}
