/*
 * Writes docs/options.md from what lib/options/ declares, as compiled to dist by `npm run compile`.
 *
 *   node scripts/make-options-doc.js
 */
import { writeFileSync } from 'node:fs';
import { optionsDocument } from '../dist/options/document.js';

writeFileSync(new URL('../docs/options.md', import.meta.url), optionsDocument());
