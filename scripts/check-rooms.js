/*
 * Checks that imports between the folders of lib/, the rooms, go one way: a file may import only from its own room and
 * from later ones. This includes types.
 *
 *   node scripts/check-rooms.js
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A room is a folder or a file of lib/. If a file is in two rooms, the one with the longer name counts. */
const ORDER = [
  'index.ts',
  'cli',
  'watch',
  'serve',
  'web',
  'report',
  'experiments',
  'densenet121.ts',
  'training',
  'model',
  'caches',
  'data',
  'weights',
  'options',
  'formats',
  // Runs in browsers and imports nothing.
  'browser',
  // Low, since whatever loops over images or reads them may have to agree with other processes.
  'distributed',
  'engine',
  'libtorch',
  'download',
  'files',
  'addon',
  'support',
  'errors.ts',
  // Used by errors.ts; it imports nothing.
  'support/printable.ts',
];

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g;

const lib = fileURLToPath(new URL('../lib', import.meta.url));
const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));

const wrong = [];
const arrows = new Set();
for (const file of files) {
  for (const [, target] of readFileSync(join(lib, file), 'utf8').matchAll(IMPORT)) {
    const imported = posix.join(dirname(file), target);
    const [from, to] = [roomOf(file), roomOf(imported)];
    if (from !== to) arrows.add(`${from} -> ${to}`);
    if (ORDER.indexOf(from) > ORDER.indexOf(to)) wrong.push(`lib/${file} imports lib/${imported}`);
  }
}
for (const problem of wrong) console.error(problem);
console.log(
  `${files.length} files in ${ORDER.length} rooms, ${arrows.size} arrows between them, ${wrong.length} wrong imports`,
);
if (wrong.length > 0) {
  console.error(`Imports go one way: ${ORDER.join(' -> ')}`);
  process.exitCode = 1;
}

function roomOf(file) {
  const rooms = ORDER.filter((room) => file === room || file.startsWith(`${room}/`));
  const room = rooms.sort((a, b) => b.length - a.length)[0];
  if (room === undefined)
    throw new Error(`lib/${file} is in no room: add one to ORDER in scripts/check-rooms.js.`);
  return room;
}
