import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this package stands, as an absolute path: the directory that holds package.json, lib and dist. */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
