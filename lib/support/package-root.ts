import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The absolute path of this package: the directory that holds package.json, lib and dist. */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
